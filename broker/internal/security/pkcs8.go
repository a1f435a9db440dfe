package security

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

// maxKeyIterations bounds the work for the password of a private key.
const maxKeyIterations = 10_000_000

// The types of PEM blocks of private keys in PKCS #8.
const (
	encryptedKey = "ENCRYPTED PRIVATE KEY"
	plainKey     = "PRIVATE KEY"
)

// encryptedInfo is EncryptedPrivateKeyInfo of RFC 5958, with the parameters of PBES2 (RFC 8018).
type encryptedInfo struct {
	Algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters struct {
			Derivation struct {
				ID         asn1.ObjectIdentifier
				Parameters derivation
			}
			Cipher struct {
				ID asn1.ObjectIdentifier
				IV []byte
			}
		}
	}
	Data []byte
}

// derivation is PBKDF2-params.
type derivation struct {
	Salt       []byte
	Iterations int
	KeyLen     int                      `asn1:"optional"`
	Hash       pkix.AlgorithmIdentifier `asn1:"optional"`
}

// decryptKeys replaces the encrypted private keys of a PEM text by what they hold. A text without such is returned as it is.
func decryptKeys(text []byte, password string) ([]byte, error) {
	var out []byte
	found := false
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Headers["DEK-Info"] != "":
			return nil, errors.New("the private key is encrypted in the old way of OpenSSL: PKCS #8 is needed")
		case block.Type == encryptedKey:
			found = true
			if password == "" {
				return nil, errors.New("the private key is encrypted: ssl.key.password is needed")
			}
			der, err := decryptKey(block.Bytes, password)
			if err != nil {
				return nil, fmt.Errorf("decrypt private key: %w", err)
			}
			block = &pem.Block{Type: plainKey, Bytes: der}
		}
		out = append(out, pem.EncodeToMemory(block)...)
	}
	if !found {
		return text, nil
	}
	return out, nil
}

// decryptKey opens an EncryptedPrivateKeyInfo.
func decryptKey(der []byte, password string) ([]byte, error) {
	var info encryptedInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 || !info.Algorithm.ID.Equal(oid(1, 5, 13)) {
		return nil, errors.New("it is not encrypted with PBES2")
	}
	p := &info.Algorithm.Parameters
	if !p.Derivation.ID.Equal(oid(1, 5, 12)) {
		return nil, fmt.Errorf("key derivation %v is not supported, PBKDF2 is", p.Derivation.ID)
	}
	h, err := derivationHash(p.Derivation.Parameters.Hash.Algorithm)
	if err != nil {
		return nil, err
	}
	size, open, err := keyCipher(p.Cipher.ID)
	if err != nil {
		return nil, err
	}
	d := &p.Derivation.Parameters
	if d.Iterations < 1 || d.Iterations > maxKeyIterations || d.KeyLen != 0 && d.KeyLen != size {
		return nil, fmt.Errorf("%d iterations for a key of %d bytes", d.Iterations, d.KeyLen)
	}
	key, err := pbkdf2.Key(h, password, d.Salt, d.Iterations, size)
	if err != nil {
		return nil, err
	}
	block, err := open(key)
	if err != nil {
		return nil, err
	}
	n := block.BlockSize()
	if len(info.Data) == 0 || len(info.Data)%n != 0 || len(p.Cipher.IV) != n {
		return nil, errors.New("its length is wrong")
	}
	cipher.NewCBCDecrypter(block, p.Cipher.IV).CryptBlocks(info.Data, info.Data)
	pad := int(info.Data[len(info.Data)-1])
	if pad == 0 || pad > n {
		return nil, x509.IncorrectPasswordError
	}
	for _, b := range info.Data[len(info.Data)-pad:] {
		if int(b) != pad {
			return nil, x509.IncorrectPasswordError
		}
	}
	plain := info.Data[:len(info.Data)-pad]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, x509.IncorrectPasswordError
	}
	return plain, nil
}

// oid is an identifier below that of RSA's standards.
func oid(rest ...int) asn1.ObjectIdentifier {
	return append(asn1.ObjectIdentifier{1, 2, 840, 113549}, rest...)
}

// derivationHash is the hash of PBKDF2, SHA-1 where none is named.
func derivationHash(id asn1.ObjectIdentifier) (func() hash.Hash, error) {
	switch {
	case len(id) == 0, id.Equal(oid(2, 7)):
		return sha1.New, nil
	case id.Equal(oid(2, 8)):
		return sha256.New224, nil
	case id.Equal(oid(2, 9)):
		return sha256.New, nil
	case id.Equal(oid(2, 10)):
		return sha512.New384, nil
	case id.Equal(oid(2, 11)):
		return sha512.New, nil
	}
	return nil, fmt.Errorf("pseudo-random function %v is not supported", id)
}

// keyCipher is the cipher of a private key and the size of its key.
func keyCipher(id asn1.ObjectIdentifier) (size int, open func(key []byte) (cipher.Block, error), err error) {
	aesID := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}
	switch {
	case id.Equal(append(aesID, 2)):
		return 16, aes.NewCipher, nil
	case id.Equal(append(aesID, 22)):
		return 24, aes.NewCipher, nil
	case id.Equal(append(aesID, 42)):
		return 32, aes.NewCipher, nil
	case id.Equal(oid(3, 7)):
		return 24, des.NewTripleDESCipher, nil
	}
	return 0, nil, fmt.Errorf("cipher %v is not supported: AES in CBC mode is", id)
}

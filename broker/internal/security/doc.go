// Package security says who a client is and what it may do.
//
// Who it is: [Mechanism] and its exchanges are the server's side of SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512,
// OAUTHBEARER), [Certificates] is TLS with certificates that are read again when their files change, and
// [PrincipalRules] makes a name of the subject of a client's certificate.
//
// What it may do: [Authorizer] decides by ACLs as Kafka's StandardAuthorizer does. It is a pure function of the ACLs of
// a metadata image.
//
// Nothing here reads a socket or speaks Kafka's protocol: handlers carry the messages of SASL, and the server asks for
// the TLS configuration. An answer never tells whether a user exists: an unknown one costs the same work and gets the
// same error as a wrong password.
package security

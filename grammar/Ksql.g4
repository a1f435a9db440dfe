// The SQL of chortal: ksqlDB's statements and expressions.
//
// Expressions are layered (boolean, predicate, value, primary) so that SLL prediction suffices. Three decisions that
// would need unbounded look-ahead are taken before parsing, by a pass over the tokens that knows the matching brackets
// (package parse, tokens.go): LAMBDA_OPEN is a '(' whose ')' is followed by '=>'; ARRAY, MAP and STRUCT are
// keywords only in front of the bracket that makes them one, and identifiers elsewhere.
grammar Ksql;

options { caseInsensitive = true; }

tokens { LAMBDA_OPEN }

singleStatement : statement SEMICOLON? EOF ;

singleExpression : expression EOF ;

singleType : dataType EOF ;

statement
    : query                                                                             # selectStatement
    | (LIST | SHOW) PROPERTIES                                                          # showProperties
    | (LIST | SHOW) ALL? TOPICS EXTENDED?                                               # showTopics
    | (LIST | SHOW) STREAMS EXTENDED?                                                   # showStreams
    | (LIST | SHOW) TABLES EXTENDED?                                                    # showTables
    | (LIST | SHOW) FUNCTIONS                                                           # showFunctions
    | (LIST | SHOW) (SOURCE | SINK)? CONNECTORS                                         # showConnectors
    | (LIST | SHOW) CONNECTOR PLUGINS                                                   # showConnectorPlugins
    | (LIST | SHOW) TYPES                                                               # showTypes
    | (LIST | SHOW) VARIABLES                                                           # showVariables
    | (LIST | SHOW) QUERIES EXTENDED?                                                   # showQueries
    | DESCRIBE STREAMS EXTENDED?                                                        # describeStreams
    | DESCRIBE TABLES EXTENDED?                                                         # describeTables
    | DESCRIBE FUNCTION identifier                                                      # describeFunction
    | DESCRIBE CONNECTOR identifier                                                     # describeConnector
    | DESCRIBE sourceName EXTENDED?                                                     # describeSource
    | PRINT (identifier | STRING) (FROM BEGINNING)? ((INTERVAL | SAMPLE) number)?
        (LIMIT number)?                                                                 # printTopic
    | TERMINATE (ALL | identifier)                                                      # terminate
    | PAUSE (ALL | identifier)                                                          # pause
    | RESUME (ALL | identifier)                                                         # resume
    | SET STRING EQ STRING                                                              # setProperty
    | UNSET STRING                                                                      # unsetProperty
    | ALTER SYSTEM STRING EQ STRING                                                     # alterSystem
    | DEFINE identifier EQ STRING                                                     # defineVariable
    | UNDEFINE identifier                                                             # undefineVariable
    | CREATE (OR REPLACE)? SOURCE? sourceKind (IF NOT EXISTS)? sourceName
        tableElements? (WITH properties)?                                               # createSource
    | CREATE (OR REPLACE)? sourceKind (IF NOT EXISTS)? sourceName
        (WITH properties)? AS query                                                     # createAs
    | CREATE (SOURCE | SINK) CONNECTOR (IF NOT EXISTS)? identifier WITH properties      # createConnector
    | CREATE TYPE (IF NOT EXISTS)? identifier AS dataType                               # createType
    | INSERT INTO sourceName (WITH properties)? query                                   # insertInto
    | INSERT INTO sourceName columnNames? VALUES LPAREN expressions RPAREN              # insertValues
    | DROP sourceKind (IF EXISTS)? sourceName (DELETE TOPIC)?                           # dropSource
    | DROP CONNECTOR (IF EXISTS)? identifier                                            # dropConnector
    | DROP TYPE (IF EXISTS)? identifier                                                 # dropType
    | ALTER sourceKind sourceName alterOption (COMMA alterOption)*                      # alterSource
    | EXPLAIN ANALYZE? statement                                                        # explainStatement
    | EXPLAIN ANALYZE? identifier                                                       # explainQuery
    | ASSERT (NOT EXISTS)? TOPIC (identifier | STRING) (WITH properties)? timeout?      # assertTopic
    | ASSERT (NOT EXISTS)? SCHEMA (SUBJECT (identifier | STRING))? (ID number)?
        timeout?                                                                        # assertSchema
    | ASSERT VALUES sourceName columnNames? VALUES LPAREN expressions RPAREN            # assertValues
    | ASSERT NULL VALUES sourceName columnNames? KEY LPAREN expressions RPAREN          # assertTombstone
    | ASSERT sourceKind sourceName tableElements? (WITH properties)?                    # assertSource
    | RUN SCRIPT STRING                                                                 # runScript
    ;

sourceKind : STREAM | TABLE ;

alterOption : ADD COLUMN? identifier dataType ;

columnNames : LPAREN identifier (COMMA identifier)* RPAREN ;

tableElements : LPAREN tableElement (COMMA tableElement)* RPAREN ;

tableElement : identifier dataType columnConstraint? ;

columnConstraint
    : PRIMARY KEY
    | KEY
    | HEADERS
    | HEADER LPAREN STRING RPAREN
    ;

properties : LPAREN (property (COMMA property)*)? RPAREN ;

property : (identifier | STRING) EQ (literal | signedNumber) ;

timeout : TIMEOUT interval ;

interval : number timeUnit ;

// Queries

query
    : SELECT selectItem (COMMA selectItem)*
        FROM relation
        (WINDOW plainIdentifier? window)?
        (WHERE where=expression)?
        (GROUP BY groupBy)?
        (PARTITION BY partitionBy)?
        (HAVING having=expression)?
        (EMIT (CHANGES | FINAL))?
        (LIMIT (number | signedNumber))?
    ;

selectItem
    : ASTERISK                              # selectAll
    | identifier DOT ASTERISK               # selectSource
    | expression alias?                     # selectExpression
    ;

groupBy
    : expressionItem (COMMA expressionItem)*
    | LPAREN (expressionItem (COMMA expressionItem)*)? RPAREN
    ;

partitionBy
    : expressionItem (COMMA expressionItem)*
    | LPAREN (expressionItem (COMMA expressionItem)*)? RPAREN
    ;

expressionItem : valueExpression ;

relation : aliasedSource joinedSource* ;

joinedSource : joinType JOIN aliasedSource within? ON expression ;

joinType
    : INNER?
    | LEFT OUTER?
    | RIGHT OUTER?
    | FULL OUTER?
    ;

within : WITHIN (interval | LPAREN interval COMMA interval RPAREN) (GRACE PERIOD interval)? ;

aliasedSource : sourceName alias? ;

alias : AS identifier | bareAlias ;

window
    : TUMBLING LPAREN SIZE interval windowOption* RPAREN                            # tumblingWindow
    | HOPPING LPAREN SIZE interval COMMA ADVANCE BY interval windowOption* RPAREN   # hoppingWindow
    | SESSION LPAREN interval windowOption* RPAREN                                  # sessionWindow
    ;

windowOption : COMMA (RETENTION interval | GRACE PERIOD interval) ;

timeUnit
    : DAY | DAYS | HOUR | HOURS | MINUTE | MINUTES | SECOND | SECONDS | MILLISECOND | MILLISECONDS
    | WEEK | WEEKS | MONTH | MONTHS | YEAR | YEARS
    ;

// Expressions

expressions : expression (COMMA expression)* ;

expression : booleanExpression ;

booleanExpression
    : NOT booleanExpression                                             # notExpression
    | valueExpression predicate?                                        # predicated
    | left=booleanExpression AND right=booleanExpression                # andExpression
    | left=booleanExpression OR right=booleanExpression                 # orExpression
    ;

predicate
    : comparisonOperator right=valueExpression                          # comparisonPredicate
    | NOT? BETWEEN low=valueExpression AND high=valueExpression         # betweenPredicate
    | NOT? IN LPAREN expression (COMMA expression)* RPAREN              # inPredicate
    | NOT? LIKE pattern=valueExpression (ESCAPE STRING)?                # likePredicate
    | IS NOT? NULL                                                      # nullPredicate
    | IS NOT? DISTINCT FROM right=valueExpression                       # distinctPredicate
    ;

comparisonOperator : EQ | NEQ | LT | LTE | GT | GTE ;

valueExpression
    : primaryExpression                                                 # primary
    | valueExpression AT TIME ZONE primaryExpression                    # atTimeZone
    | operator=(MINUS | PLUS) valueExpression                           # signed
    | left=valueExpression operator=(ASTERISK | SLASH | PERCENT) right=valueExpression # product
    | left=valueExpression operator=(PLUS | MINUS) right=valueExpression # sum
    | left=valueExpression CONCAT right=valueExpression                 # concat
    ;

primaryExpression
    : literal                                                           # literalExpression
    | CASE operand=expression whenClause+ (ELSE otherwise=expression)? END # simpleCase
    | CASE whenClause+ (ELSE otherwise=expression)? END                 # searchedCase
    | CAST LPAREN expression AS dataType RPAREN                         # cast
    | ARRAY LBRACKET expressions? RBRACKET                              # arrayConstructor
    | MAP LPAREN (mapEntry (COMMA mapEntry)*)? RPAREN                   # mapConstructor
    | STRUCT LPAREN (structField (COMMA structField)*)? RPAREN          # structConstructor
    | identifier LPAREN ASTERISK RPAREN                                 # callAll
    | identifier LPAREN (argument (COMMA argument)*)? RPAREN          # call
    | identifier                                                        # column
    | identifier DOT identifier                                         # qualifiedColumn
    | LPAREN expression RPAREN                                          # parenthesized
    | base=primaryExpression LBRACKET index=valueExpression RBRACKET    # subscript
    | base=primaryExpression STRUCT_DEREF identifier                    # dereference
    | base=primaryExpression STRUCT_DEREF ASTERISK                      # structAll
    ;

argument : lambda | expression ;

lambda
    : identifier LAMBDA expression
    | LAMBDA_OPEN identifier (COMMA identifier)* RPAREN LAMBDA expression
    ;

whenClause : WHEN condition=expression THEN result=expression ;

mapEntry : key=expression ASSIGN value=expression ;

structField : identifier ASSIGN expression ;

literal
    : NULL                                                              # nullLiteral
    | (TRUE | FALSE)                                                    # booleanLiteral
    | STRING                                                            # stringLiteral
    | number                                                            # numberLiteral
    ;

signedNumber : (MINUS | PLUS) number ;

number : INTEGER_VALUE | DECIMAL_VALUE | FLOATING_POINT_VALUE ;

dataType
    : ARRAY LT dataType GT                                              # arrayType
    | MAP LT dataType COMMA dataType GT                                 # mapType
    | STRUCT (LT typeField (COMMA typeField)* GT | NEQ)                   # structType
    | identifier (LPAREN number (COMMA number)* RPAREN)?                # baseType
    ;

typeField : identifier dataType ;

sourceName : identifier ;

identifier
    : plainIdentifier
    | softKeyword
    | clauseKeyword
    ;

// bareAlias is an alias without AS: it must not swallow the word that starts the next clause.
bareAlias : plainIdentifier | softKeyword ;

plainIdentifier
    : IDENTIFIER
    | DIGIT_IDENTIFIER
    | QUOTED_IDENTIFIER
    | BACKQUOTED_IDENTIFIER
    ;

// The keywords that are not reserved. A test in package parse checks that every keyword token is in one of these rules or in
// the list of reserved words of package ast.
softKeyword
    : ADD | ADVANCE | ALTER | ASSERT | BEGINNING | CHANGES | COLUMN | CONNECTOR | CONNECTORS | DAY
    | DAYS | DEFINE | EXPLAIN | FINAL | FUNCTION | FUNCTIONS | GRACE | HEADER | HEADERS | HOPPING | HOUR
    | HOURS | ID | IF | INTERVAL | KEY | LIST | MILLISECOND | MILLISECONDS | MINUTE | MINUTES | MONTH
    | MONTHS | PAUSE | PERIOD | PLUGINS | PRIMARY | PRINT | PROPERTIES | QUERIES | REPLACE | RESUME
    | RETENTION | RUN | SAMPLE | SCHEMA | SCRIPT | SECOND | SECONDS | SESSION | SET | SHOW | SINK | SIZE
    | SOURCE | STREAMS | SUBJECT | SYSTEM | TABLES | TERMINATE | TIME | TIMEOUT | TOPIC | TOPICS
    | TUMBLING | TYPE | TYPES | UNDEFINE | UNSET | VARIABLES | WEEK | WEEKS | YEAR | YEARS | ZONE
    ;

clauseKeyword
    : AT | EMIT | ESCAPE | EXTENDED | PARTITION
    ;

// Keywords

ADD          : 'ADD' ;
ADVANCE      : 'ADVANCE' ;
ALL          : 'ALL' ;
ALTER        : 'ALTER' ;
ANALYZE      : 'ANALYZE' ;
AND          : 'AND' ;
ARRAY        : 'ARRAY' ;
AS           : 'AS' ;
ASSERT       : 'ASSERT' ;
AT           : 'AT' ;
BEGINNING    : 'BEGINNING' ;
BETWEEN      : 'BETWEEN' ;
BY           : 'BY' ;
CASE         : 'CASE' ;
CAST         : 'CAST' ;
CHANGES      : 'CHANGES' ;
COLUMN       : 'COLUMN' ;
CONNECTOR    : 'CONNECTOR' ;
CONNECTORS   : 'CONNECTORS' ;
CREATE       : 'CREATE' ;
DAY          : 'DAY' ;
DAYS         : 'DAYS' ;
DEFINE       : 'DEFINE' ;
DELETE       : 'DELETE' ;
DESCRIBE     : 'DESCRIBE' ;
DISTINCT     : 'DISTINCT' ;
DROP         : 'DROP' ;
ELSE         : 'ELSE' ;
EMIT         : 'EMIT' ;
END          : 'END' ;
ESCAPE       : 'ESCAPE' ;
EXISTS       : 'EXISTS' ;
EXPLAIN      : 'EXPLAIN' ;
EXTENDED     : 'EXTENDED' ;
FALSE        : 'FALSE' ;
FINAL        : 'FINAL' ;
FROM         : 'FROM' ;
FULL         : 'FULL' ;
FUNCTION     : 'FUNCTION' ;
FUNCTIONS    : 'FUNCTIONS' ;
GRACE        : 'GRACE' ;
GROUP        : 'GROUP' ;
HAVING       : 'HAVING' ;
HEADER       : 'HEADER' ;
HEADERS      : 'HEADERS' ;
HOPPING      : 'HOPPING' ;
HOUR         : 'HOUR' ;
HOURS        : 'HOURS' ;
ID           : 'ID' ;
IF           : 'IF' ;
IN           : 'IN' ;
INNER        : 'INNER' ;
INSERT       : 'INSERT' ;
INTERVAL     : 'INTERVAL' ;
INTO         : 'INTO' ;
IS           : 'IS' ;
JOIN         : 'JOIN' ;
KEY          : 'KEY' ;
LEFT         : 'LEFT' ;
LIKE         : 'LIKE' ;
LIMIT        : 'LIMIT' ;
LIST         : 'LIST' ;
MAP          : 'MAP' ;
MILLISECOND  : 'MILLISECOND' ;
MILLISECONDS : 'MILLISECONDS' ;
MINUTE       : 'MINUTE' ;
MINUTES      : 'MINUTES' ;
MONTH        : 'MONTH' ;
MONTHS       : 'MONTHS' ;
NOT          : 'NOT' ;
NULL         : 'NULL' ;
ON           : 'ON' ;
OR           : 'OR' ;
OUTER        : 'OUTER' ;
PARTITION    : 'PARTITION' ;
PAUSE        : 'PAUSE' ;
PERIOD       : 'PERIOD' ;
PLUGINS      : 'PLUGINS' ;
PRIMARY      : 'PRIMARY' ;
PRINT        : 'PRINT' ;
PROPERTIES   : 'PROPERTIES' ;
QUERIES      : 'QUERIES' ;
REPLACE      : 'REPLACE' ;
RESUME       : 'RESUME' ;
RETENTION    : 'RETENTION' ;
RIGHT        : 'RIGHT' ;
RUN          : 'RUN' ;
SAMPLE       : 'SAMPLE' ;
SCHEMA       : 'SCHEMA' ;
SCRIPT       : 'SCRIPT' ;
SECOND       : 'SECOND' ;
SECONDS      : 'SECONDS' ;
SELECT       : 'SELECT' ;
SESSION      : 'SESSION' ;
SET          : 'SET' ;
SHOW         : 'SHOW' ;
SINK         : 'SINK' ;
SIZE         : 'SIZE' ;
SOURCE       : 'SOURCE' ;
STREAM       : 'STREAM' ;
STREAMS      : 'STREAMS' ;
STRUCT       : 'STRUCT' ;
SUBJECT      : 'SUBJECT' ;
SYSTEM       : 'SYSTEM' ;
TABLE        : 'TABLE' ;
TABLES       : 'TABLES' ;
TERMINATE    : 'TERMINATE' ;
THEN         : 'THEN' ;
TIME         : 'TIME' ;
TIMEOUT      : 'TIMEOUT' ;
TOPIC        : 'TOPIC' ;
TOPICS       : 'TOPICS' ;
TRUE         : 'TRUE' ;
TUMBLING     : 'TUMBLING' ;
TYPE         : 'TYPE' ;
TYPES        : 'TYPES' ;
UNDEFINE     : 'UNDEFINE' ;
UNSET        : 'UNSET' ;
VALUES       : 'VALUES' ;
VARIABLES    : 'VARIABLES' ;
WEEK         : 'WEEK' ;
WEEKS        : 'WEEKS' ;
WHEN         : 'WHEN' ;
WHERE        : 'WHERE' ;
WINDOW       : 'WINDOW' ;
WITH         : 'WITH' ;
WITHIN       : 'WITHIN' ;
YEAR         : 'YEAR' ;
YEARS        : 'YEARS' ;
ZONE         : 'ZONE' ;

// Symbols

EQ           : '=' ;
NEQ          : '<>' | '!=' ;
LT           : '<' ;
LTE          : '<=' ;
GT           : '>' ;
GTE          : '>=' ;
PLUS         : '+' ;
MINUS        : '-' ;
ASTERISK     : '*' ;
SLASH        : '/' ;
PERCENT      : '%' ;
CONCAT       : '||' ;
ASSIGN       : ':=' ;
STRUCT_DEREF : '->' ;
LAMBDA       : '=>' ;
DOT          : '.' ;
COMMA        : ',' ;
SEMICOLON    : ';' ;
LPAREN       : '(' ;
RPAREN       : ')' ;
LBRACKET     : '[' ;
RBRACKET     : ']' ;

// Literals and names

STRING : '\'' (~'\'' | '\'\'')* '\'' ;

INTEGER_VALUE : DIGIT+ ;

DECIMAL_VALUE : DIGIT+ '.' DIGIT* | '.' DIGIT+ ;

FLOATING_POINT_VALUE
    : DIGIT+ ('.' DIGIT*)? EXPONENT
    | '.' DIGIT+ EXPONENT
    ;

IDENTIFIER : (LETTER | '_') (LETTER | DIGIT | '_' | '@')* ;

DIGIT_IDENTIFIER : DIGIT (LETTER | DIGIT | '_' | '@')+ ;

QUOTED_IDENTIFIER : '"' (~'"' | '""')* '"' ;

BACKQUOTED_IDENTIFIER : '`' (~'`' | '``')* '`' ;

// Replaced before parsing; what arrives at the parser is not defined.
VARIABLE : '${' (LETTER | '_') (LETTER | DIGIT | '_')* '}' ;

DIRECTIVE : '--@' ~[\r\n]* -> channel(HIDDEN) ;

LINE_COMMENT : '--' (~[@\r\n] ~[\r\n]*)? -> channel(HIDDEN) ;

BLOCK_COMMENT : '/*' .*? '*/' -> channel(HIDDEN) ;

SPACE : [ \r\n\t\u00A0\u2003\uFEFF]+ -> channel(HIDDEN) ;

UNTERMINATED_STRING : '\'' (~'\'' | '\'\'')* ;

UNTERMINATED_NAME : '"' (~'"' | '""')* | '`' (~'`' | '``')* ;

UNTERMINATED_COMMENT : '/*' (~'*' | '*'+ ~[*/])* '*'* ;

UNRECOGNIZED : . ;

fragment EXPONENT : [E] [+-]? DIGIT+ ;

fragment DIGIT : [0-9] ;

fragment LETTER : [A-Z] ;

package api

// Entity is the answer to one statement. Type is ksqlDB's "@type" and says which of the other fields are set.
type Entity struct {
	Type          string `json:"@type"`
	StatementText string `json:"statementText"`

	// currentStatus, drop_connector, terminate ...: a command was run.
	CommandID             string         `json:"commandId,omitempty"`
	CommandStatus         *CommandStatus `json:"commandStatus,omitempty"`
	CommandSequenceNumber *int64         `json:"commandSequenceNumber,omitempty"`

	Streams            []SourceInfo        `json:"streams,omitzero"`    // streams
	Tables             []SourceInfo        `json:"tables,omitzero"`     // tables
	Queries            []QueryInfo         `json:"queries,omitzero"`    // queries
	Topics             []TopicInfo         `json:"topics,omitzero"`     // kafka_topics, kafka_topics_extended
	Properties         []Property          `json:"properties,omitzero"` // properties
	OverwrittenProps   []string            `json:"overwrittenProperties,omitzero"`
	DefaultProps       []string            `json:"defaultProperties,omitzero"`
	Functions          []FunctionName      `json:"functions,omitzero"`          // function_names
	FunctionInfo       *FunctionInfo       `json:"functionInfo,omitempty"`      // describe_function
	Types              map[string]TypeInfo `json:"types,omitzero"`              // type_list
	Variables          []Variable          `json:"variables,omitzero"`          // variables
	SourceDescription  *SourceDescription  `json:"sourceDescription,omitempty"` // sourceDescription
	SourceDescriptions []SourceDescription `json:"sourceDescriptions,omitzero"` // source_descriptions
	QueryDescription   *QueryDescription   `json:"queryDescription,omitempty"`  // queryDescription
	QueryDescriptions  []QueryDescription  `json:"queryDescriptions,omitzero"`  // query_descriptions
	TopicName          string              `json:"topicName,omitempty"`         // assert_topic
	Exists             *bool               `json:"exists,omitempty"`

	Warnings []Warning `json:"warnings"`
}

// The values of Entity.Type.
const (
	TypeCurrentStatus      = "currentStatus"
	TypeStreams            = "streams"
	TypeTables             = "tables"
	TypeQueries            = "queries"
	TypeTopics             = "kafka_topics"
	TypeTopicsExtended     = "kafka_topics_extended"
	TypeProperties         = "properties"
	TypeFunctions          = "function_names"
	TypeFunction           = "describe_function"
	TypeTypes              = "type_list"
	TypeVariables          = "variables"
	TypeSourceDescription  = "sourceDescription"
	TypeSourceDescriptions = "source_descriptions"
	TypeQueryDescription   = "queryDescription"
	TypeQueryDescriptions  = "query_descriptions"
	TypeWarning            = "warning_entity"
	TypeAssertTopic        = "assert_topic"
)

// CommandStatus says what became of a command: QUEUED, PARSING, EXECUTING, RUNNING, TERMINATED, SUCCESS or ERROR.
type CommandStatus struct {
	Status  string  `json:"status"`
	Message string  `json:"message"`
	QueryID *string `json:"queryId"`
}

// Warning is a remark about a statement that ran.
type Warning struct {
	Message string `json:"message"`
}

// SourceInfo is a row of SHOW STREAMS or SHOW TABLES.
type SourceInfo struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Topic       string `json:"topic"`
	KeyFormat   string `json:"keyFormat"`
	ValueFormat string `json:"valueFormat"`
	IsWindowed  bool   `json:"isWindowed"`
}

// QueryInfo is a row of SHOW QUERIES. Error is the last failure, with which the query was restarted or stopped.
type QueryInfo struct {
	QueryString     string         `json:"queryString"`
	Sinks           []string       `json:"sinks"`
	SinkKafkaTopics []string       `json:"sinkKafkaTopics"`
	ID              string         `json:"id"`
	StatusCount     map[string]int `json:"statusCount"`
	QueryType       string         `json:"queryType"` // PERSISTENT, PUSH, PULL
	State           string         `json:"state"`     // RUNNING, REBALANCING, ERROR, PAUSED
	Error           string         `json:"error,omitempty"`
}

// TopicInfo is a row of SHOW TOPICS; the consumer counts are set by SHOW TOPICS EXTENDED alone.
type TopicInfo struct {
	Name               string `json:"name"`
	ReplicaInfo        []int  `json:"replicaInfo"`
	ConsumerCount      *int   `json:"consumerCount,omitempty"`
	ConsumerGroupCount *int   `json:"consumerGroupCount,omitempty"`
}

// Property is a row of SHOW PROPERTIES. Level is SERVER or QUERY.
type Property struct {
	Name     string  `json:"name"`
	Scope    string  `json:"scope"`
	Value    *string `json:"value"`
	Editable bool    `json:"editable"`
	Level    string  `json:"level"`
}

// FunctionName is a row of SHOW FUNCTIONS. Type is SCALAR, AGGREGATE or TABLE.
type FunctionName struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Category string `json:"category"`
}

// FunctionInfo is the answer to DESCRIBE FUNCTION.
type FunctionInfo struct {
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Author      string             `json:"author"`
	Version     string             `json:"version"`
	Path        string             `json:"path"`
	Type        string             `json:"type"`
	Category    string             `json:"category"`
	Variations  []FunctionOverload `json:"functions"`
}

// FunctionOverload is one signature of a function.
type FunctionOverload struct {
	Arguments   []FunctionArgument `json:"argumentTypes"`
	ReturnType  string             `json:"returnType"`
	Description string             `json:"description"`
}

// FunctionArgument is one parameter of a signature.
type FunctionArgument struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	IsVariadic  bool   `json:"isVariadic"`
}

// Variable is a row of SHOW VARIABLES.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TypeInfo is the schema of a type, as ksqlDB describes it: Type is the base type, MemberSchema the elements of an
// ARRAY or the values of a MAP, Fields the fields of a STRUCT, Parameters precision and scale of a DECIMAL.
type TypeInfo struct {
	Type         string         `json:"type"`
	Fields       []Field        `json:"fields"`
	MemberSchema *TypeInfo      `json:"memberSchema"`
	Parameters   map[string]int `json:"parameters,omitempty"`
}

// Field is a column of a source or a field of a STRUCT. Type is KEY or HEADER for such columns.
type Field struct {
	Name      string   `json:"name"`
	Schema    TypeInfo `json:"schema"`
	Type      string   `json:"type,omitempty"`
	HeaderKey string   `json:"headerKey,omitempty"`
}

// SourceDescription is the answer to DESCRIBE. Fields below Statement are set by DESCRIBE EXTENDED.
type SourceDescription struct {
	Name              string         `json:"name"`
	WindowType        *string        `json:"windowType"`
	ReadQueries       []QueryInfo    `json:"readQueries"`
	WriteQueries      []QueryInfo    `json:"writeQueries"`
	Fields            []Field        `json:"fields"`
	Type              string         `json:"type"`
	Timestamp         string         `json:"timestamp"`
	Statistics        string         `json:"statistics"`
	ErrorStats        string         `json:"errorStats"`
	Extended          bool           `json:"extended"`
	KeyFormat         string         `json:"keyFormat"`
	ValueFormat       string         `json:"valueFormat"`
	Topic             string         `json:"topic"`
	Partitions        int            `json:"partitions"`
	Replication       int            `json:"replication"`
	Statement         string         `json:"statement"`
	QueryOffsets      []QueryOffsets `json:"queryOffsetSummaries"`
	SourceConstraints []string       `json:"sourceConstraints"`
	ClusterStatistics []any          `json:"clusterStatistics"`
	ClusterErrors     []any          `json:"clusterErrorStats"`
}

// QueryOffsets is a consumer group's position in the topics of a query.
type QueryOffsets struct {
	GroupID        string         `json:"groupId"`
	TopicSummaries []TopicOffsets `json:"topicSummaries"`
}

// TopicOffsets are a group's positions in one topic.
type TopicOffsets struct {
	KafkaTopic string             `json:"kafkaTopic"`
	Offsets    []PartitionOffsets `json:"offsets"`
}

// PartitionOffsets is a group's position in one partition.
type PartitionOffsets struct {
	Partition      int   `json:"partition"`
	LogStartOffset int64 `json:"logStartOffset"`
	LogEndOffset   int64 `json:"logEndOffset"`
	ConsumerOffset int64 `json:"consumerOffset"`
}

// QueryDescription is the answer to EXPLAIN: the statement, its topology in Kafka Streams' text form and the steps of
// its plan. EXPLAIN of a text that is not running has an empty ID.
type QueryDescription struct {
	ID                   string            `json:"id"`
	StatementText        string            `json:"statementText"`
	WindowType           *string           `json:"windowType"`
	Fields               []Field           `json:"fields"`
	Sources              []string          `json:"sources"`
	Sinks                []string          `json:"sinks"`
	Topology             string            `json:"topology"`
	ExecutionPlan        string            `json:"executionPlan"`
	OverriddenProperties map[string]string `json:"overriddenProperties"`
	QueryType            string            `json:"queryType"`
	QueryErrors          []QueryError      `json:"queryErrors"`
	State                *string           `json:"state"`
}

// QueryError is a failure of a running query.
type QueryError struct {
	Timestamp    int64  `json:"timestamp"`
	ErrorMessage string `json:"errorMessage"`
	Type         string `json:"type"` // USER, SYSTEM, UNKNOWN
}

// ServerInfo is the answer to GET /info.
type ServerInfo struct {
	Version        string `json:"version"`
	KafkaClusterID string `json:"kafkaClusterId"`
	KsqlServiceID  string `json:"ksqlServiceId"`
	ServerStatus   string `json:"serverStatus"`
}

// Code generated from Ksql.g4 by ANTLR 4.13.1. DO NOT EDIT.

package parser // Ksql
import "github.com/antlr4-go/antlr/v4"

type BaseKsqlVisitor struct {
	*antlr.BaseParseTreeVisitor
}

func (v *BaseKsqlVisitor) VisitSingleStatement(ctx *SingleStatementContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSingleExpression(ctx *SingleExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSingleType(ctx *SingleTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSelectStatement(ctx *SelectStatementContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowProperties(ctx *ShowPropertiesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowTopics(ctx *ShowTopicsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowStreams(ctx *ShowStreamsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowTables(ctx *ShowTablesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowFunctions(ctx *ShowFunctionsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowConnectors(ctx *ShowConnectorsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowConnectorPlugins(ctx *ShowConnectorPluginsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowTypes(ctx *ShowTypesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowVariables(ctx *ShowVariablesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitShowQueries(ctx *ShowQueriesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDescribeStreams(ctx *DescribeStreamsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDescribeTables(ctx *DescribeTablesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDescribeFunction(ctx *DescribeFunctionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDescribeConnector(ctx *DescribeConnectorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDescribeSource(ctx *DescribeSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitPrintTopic(ctx *PrintTopicContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTerminate(ctx *TerminateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitPause(ctx *PauseContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitResume(ctx *ResumeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSetProperty(ctx *SetPropertyContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitUnsetProperty(ctx *UnsetPropertyContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAlterSystem(ctx *AlterSystemContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDefineVariable(ctx *DefineVariableContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitUndefineVariable(ctx *UndefineVariableContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCreateSource(ctx *CreateSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCreateAs(ctx *CreateAsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCreateConnector(ctx *CreateConnectorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCreateType(ctx *CreateTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitInsertInto(ctx *InsertIntoContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitInsertValues(ctx *InsertValuesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDropSource(ctx *DropSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDropConnector(ctx *DropConnectorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDropType(ctx *DropTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAlterSource(ctx *AlterSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitExplainStatement(ctx *ExplainStatementContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitExplainQuery(ctx *ExplainQueryContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAssertTopic(ctx *AssertTopicContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAssertSchema(ctx *AssertSchemaContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAssertValues(ctx *AssertValuesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAssertTombstone(ctx *AssertTombstoneContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAssertSource(ctx *AssertSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitRunScript(ctx *RunScriptContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSourceKind(ctx *SourceKindContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAlterOption(ctx *AlterOptionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitColumnNames(ctx *ColumnNamesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTableElements(ctx *TableElementsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTableElement(ctx *TableElementContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitColumnConstraint(ctx *ColumnConstraintContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitProperties(ctx *PropertiesContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitProperty(ctx *PropertyContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTimeout(ctx *TimeoutContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitInterval(ctx *IntervalContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitQuery(ctx *QueryContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSelectAll(ctx *SelectAllContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSelectSource(ctx *SelectSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSelectExpression(ctx *SelectExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitGroupBy(ctx *GroupByContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitPartitionBy(ctx *PartitionByContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitExpressionItem(ctx *ExpressionItemContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitRelation(ctx *RelationContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitJoinedSource(ctx *JoinedSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitJoinType(ctx *JoinTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitWithin(ctx *WithinContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAliasedSource(ctx *AliasedSourceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAlias(ctx *AliasContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTumblingWindow(ctx *TumblingWindowContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitHoppingWindow(ctx *HoppingWindowContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSessionWindow(ctx *SessionWindowContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitWindowOption(ctx *WindowOptionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTimeUnit(ctx *TimeUnitContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitExpressions(ctx *ExpressionsContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitExpression(ctx *ExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitOrExpression(ctx *OrExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAndExpression(ctx *AndExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitPredicated(ctx *PredicatedContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitNotExpression(ctx *NotExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitComparisonPredicate(ctx *ComparisonPredicateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitBetweenPredicate(ctx *BetweenPredicateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitInPredicate(ctx *InPredicateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitLikePredicate(ctx *LikePredicateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitNullPredicate(ctx *NullPredicateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDistinctPredicate(ctx *DistinctPredicateContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitComparisonOperator(ctx *ComparisonOperatorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitProduct(ctx *ProductContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSigned(ctx *SignedContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSum(ctx *SumContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitConcat(ctx *ConcatContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitAtTimeZone(ctx *AtTimeZoneContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitPrimary(ctx *PrimaryContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitDereference(ctx *DereferenceContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSimpleCase(ctx *SimpleCaseContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSubscript(ctx *SubscriptContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitStructConstructor(ctx *StructConstructorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitColumn(ctx *ColumnContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitQualifiedColumn(ctx *QualifiedColumnContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCallAll(ctx *CallAllContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCall(ctx *CallContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitStructAll(ctx *StructAllContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitCast(ctx *CastContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitArrayConstructor(ctx *ArrayConstructorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitMapConstructor(ctx *MapConstructorContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitParenthesized(ctx *ParenthesizedContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSearchedCase(ctx *SearchedCaseContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitLiteralExpression(ctx *LiteralExpressionContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitArgument(ctx *ArgumentContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitLambda(ctx *LambdaContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitWhenClause(ctx *WhenClauseContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitMapEntry(ctx *MapEntryContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitStructField(ctx *StructFieldContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitNullLiteral(ctx *NullLiteralContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitBooleanLiteral(ctx *BooleanLiteralContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitStringLiteral(ctx *StringLiteralContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitNumberLiteral(ctx *NumberLiteralContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSignedNumber(ctx *SignedNumberContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitNumber(ctx *NumberContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitArrayType(ctx *ArrayTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitMapType(ctx *MapTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitStructType(ctx *StructTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitBaseType(ctx *BaseTypeContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitTypeField(ctx *TypeFieldContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSourceName(ctx *SourceNameContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitIdentifier(ctx *IdentifierContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitBareAlias(ctx *BareAliasContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitPlainIdentifier(ctx *PlainIdentifierContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitSoftKeyword(ctx *SoftKeywordContext) interface{} {
	return v.VisitChildren(ctx)
}

func (v *BaseKsqlVisitor) VisitClauseKeyword(ctx *ClauseKeywordContext) interface{} {
	return v.VisitChildren(ctx)
}

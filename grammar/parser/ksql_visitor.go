// Code generated from Ksql.g4 by ANTLR 4.13.1. DO NOT EDIT.

package parser // Ksql
import "github.com/antlr4-go/antlr/v4"

// A complete Visitor for a parse tree produced by KsqlParser.
type KsqlVisitor interface {
	antlr.ParseTreeVisitor

	// Visit a parse tree produced by KsqlParser#singleStatement.
	VisitSingleStatement(ctx *SingleStatementContext) interface{}

	// Visit a parse tree produced by KsqlParser#singleExpression.
	VisitSingleExpression(ctx *SingleExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#singleType.
	VisitSingleType(ctx *SingleTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#selectStatement.
	VisitSelectStatement(ctx *SelectStatementContext) interface{}

	// Visit a parse tree produced by KsqlParser#showProperties.
	VisitShowProperties(ctx *ShowPropertiesContext) interface{}

	// Visit a parse tree produced by KsqlParser#showTopics.
	VisitShowTopics(ctx *ShowTopicsContext) interface{}

	// Visit a parse tree produced by KsqlParser#showStreams.
	VisitShowStreams(ctx *ShowStreamsContext) interface{}

	// Visit a parse tree produced by KsqlParser#showTables.
	VisitShowTables(ctx *ShowTablesContext) interface{}

	// Visit a parse tree produced by KsqlParser#showFunctions.
	VisitShowFunctions(ctx *ShowFunctionsContext) interface{}

	// Visit a parse tree produced by KsqlParser#showConnectors.
	VisitShowConnectors(ctx *ShowConnectorsContext) interface{}

	// Visit a parse tree produced by KsqlParser#showConnectorPlugins.
	VisitShowConnectorPlugins(ctx *ShowConnectorPluginsContext) interface{}

	// Visit a parse tree produced by KsqlParser#showTypes.
	VisitShowTypes(ctx *ShowTypesContext) interface{}

	// Visit a parse tree produced by KsqlParser#showVariables.
	VisitShowVariables(ctx *ShowVariablesContext) interface{}

	// Visit a parse tree produced by KsqlParser#showQueries.
	VisitShowQueries(ctx *ShowQueriesContext) interface{}

	// Visit a parse tree produced by KsqlParser#describeStreams.
	VisitDescribeStreams(ctx *DescribeStreamsContext) interface{}

	// Visit a parse tree produced by KsqlParser#describeTables.
	VisitDescribeTables(ctx *DescribeTablesContext) interface{}

	// Visit a parse tree produced by KsqlParser#describeFunction.
	VisitDescribeFunction(ctx *DescribeFunctionContext) interface{}

	// Visit a parse tree produced by KsqlParser#describeConnector.
	VisitDescribeConnector(ctx *DescribeConnectorContext) interface{}

	// Visit a parse tree produced by KsqlParser#describeSource.
	VisitDescribeSource(ctx *DescribeSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#printTopic.
	VisitPrintTopic(ctx *PrintTopicContext) interface{}

	// Visit a parse tree produced by KsqlParser#terminate.
	VisitTerminate(ctx *TerminateContext) interface{}

	// Visit a parse tree produced by KsqlParser#pause.
	VisitPause(ctx *PauseContext) interface{}

	// Visit a parse tree produced by KsqlParser#resume.
	VisitResume(ctx *ResumeContext) interface{}

	// Visit a parse tree produced by KsqlParser#setProperty.
	VisitSetProperty(ctx *SetPropertyContext) interface{}

	// Visit a parse tree produced by KsqlParser#unsetProperty.
	VisitUnsetProperty(ctx *UnsetPropertyContext) interface{}

	// Visit a parse tree produced by KsqlParser#alterSystem.
	VisitAlterSystem(ctx *AlterSystemContext) interface{}

	// Visit a parse tree produced by KsqlParser#defineVariable.
	VisitDefineVariable(ctx *DefineVariableContext) interface{}

	// Visit a parse tree produced by KsqlParser#undefineVariable.
	VisitUndefineVariable(ctx *UndefineVariableContext) interface{}

	// Visit a parse tree produced by KsqlParser#createSource.
	VisitCreateSource(ctx *CreateSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#createAs.
	VisitCreateAs(ctx *CreateAsContext) interface{}

	// Visit a parse tree produced by KsqlParser#createConnector.
	VisitCreateConnector(ctx *CreateConnectorContext) interface{}

	// Visit a parse tree produced by KsqlParser#createType.
	VisitCreateType(ctx *CreateTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#insertInto.
	VisitInsertInto(ctx *InsertIntoContext) interface{}

	// Visit a parse tree produced by KsqlParser#insertValues.
	VisitInsertValues(ctx *InsertValuesContext) interface{}

	// Visit a parse tree produced by KsqlParser#dropSource.
	VisitDropSource(ctx *DropSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#dropConnector.
	VisitDropConnector(ctx *DropConnectorContext) interface{}

	// Visit a parse tree produced by KsqlParser#dropType.
	VisitDropType(ctx *DropTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#alterSource.
	VisitAlterSource(ctx *AlterSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#explainStatement.
	VisitExplainStatement(ctx *ExplainStatementContext) interface{}

	// Visit a parse tree produced by KsqlParser#explainQuery.
	VisitExplainQuery(ctx *ExplainQueryContext) interface{}

	// Visit a parse tree produced by KsqlParser#assertTopic.
	VisitAssertTopic(ctx *AssertTopicContext) interface{}

	// Visit a parse tree produced by KsqlParser#assertSchema.
	VisitAssertSchema(ctx *AssertSchemaContext) interface{}

	// Visit a parse tree produced by KsqlParser#assertValues.
	VisitAssertValues(ctx *AssertValuesContext) interface{}

	// Visit a parse tree produced by KsqlParser#assertTombstone.
	VisitAssertTombstone(ctx *AssertTombstoneContext) interface{}

	// Visit a parse tree produced by KsqlParser#assertSource.
	VisitAssertSource(ctx *AssertSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#runScript.
	VisitRunScript(ctx *RunScriptContext) interface{}

	// Visit a parse tree produced by KsqlParser#sourceKind.
	VisitSourceKind(ctx *SourceKindContext) interface{}

	// Visit a parse tree produced by KsqlParser#alterOption.
	VisitAlterOption(ctx *AlterOptionContext) interface{}

	// Visit a parse tree produced by KsqlParser#columnNames.
	VisitColumnNames(ctx *ColumnNamesContext) interface{}

	// Visit a parse tree produced by KsqlParser#tableElements.
	VisitTableElements(ctx *TableElementsContext) interface{}

	// Visit a parse tree produced by KsqlParser#tableElement.
	VisitTableElement(ctx *TableElementContext) interface{}

	// Visit a parse tree produced by KsqlParser#columnConstraint.
	VisitColumnConstraint(ctx *ColumnConstraintContext) interface{}

	// Visit a parse tree produced by KsqlParser#properties.
	VisitProperties(ctx *PropertiesContext) interface{}

	// Visit a parse tree produced by KsqlParser#property.
	VisitProperty(ctx *PropertyContext) interface{}

	// Visit a parse tree produced by KsqlParser#timeout.
	VisitTimeout(ctx *TimeoutContext) interface{}

	// Visit a parse tree produced by KsqlParser#interval.
	VisitInterval(ctx *IntervalContext) interface{}

	// Visit a parse tree produced by KsqlParser#query.
	VisitQuery(ctx *QueryContext) interface{}

	// Visit a parse tree produced by KsqlParser#selectAll.
	VisitSelectAll(ctx *SelectAllContext) interface{}

	// Visit a parse tree produced by KsqlParser#selectSource.
	VisitSelectSource(ctx *SelectSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#selectExpression.
	VisitSelectExpression(ctx *SelectExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#groupBy.
	VisitGroupBy(ctx *GroupByContext) interface{}

	// Visit a parse tree produced by KsqlParser#partitionBy.
	VisitPartitionBy(ctx *PartitionByContext) interface{}

	// Visit a parse tree produced by KsqlParser#expressionItem.
	VisitExpressionItem(ctx *ExpressionItemContext) interface{}

	// Visit a parse tree produced by KsqlParser#relation.
	VisitRelation(ctx *RelationContext) interface{}

	// Visit a parse tree produced by KsqlParser#joinedSource.
	VisitJoinedSource(ctx *JoinedSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#joinType.
	VisitJoinType(ctx *JoinTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#within.
	VisitWithin(ctx *WithinContext) interface{}

	// Visit a parse tree produced by KsqlParser#aliasedSource.
	VisitAliasedSource(ctx *AliasedSourceContext) interface{}

	// Visit a parse tree produced by KsqlParser#alias.
	VisitAlias(ctx *AliasContext) interface{}

	// Visit a parse tree produced by KsqlParser#tumblingWindow.
	VisitTumblingWindow(ctx *TumblingWindowContext) interface{}

	// Visit a parse tree produced by KsqlParser#hoppingWindow.
	VisitHoppingWindow(ctx *HoppingWindowContext) interface{}

	// Visit a parse tree produced by KsqlParser#sessionWindow.
	VisitSessionWindow(ctx *SessionWindowContext) interface{}

	// Visit a parse tree produced by KsqlParser#windowOption.
	VisitWindowOption(ctx *WindowOptionContext) interface{}

	// Visit a parse tree produced by KsqlParser#timeUnit.
	VisitTimeUnit(ctx *TimeUnitContext) interface{}

	// Visit a parse tree produced by KsqlParser#expressions.
	VisitExpressions(ctx *ExpressionsContext) interface{}

	// Visit a parse tree produced by KsqlParser#expression.
	VisitExpression(ctx *ExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#orExpression.
	VisitOrExpression(ctx *OrExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#andExpression.
	VisitAndExpression(ctx *AndExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#predicated.
	VisitPredicated(ctx *PredicatedContext) interface{}

	// Visit a parse tree produced by KsqlParser#notExpression.
	VisitNotExpression(ctx *NotExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#comparisonPredicate.
	VisitComparisonPredicate(ctx *ComparisonPredicateContext) interface{}

	// Visit a parse tree produced by KsqlParser#betweenPredicate.
	VisitBetweenPredicate(ctx *BetweenPredicateContext) interface{}

	// Visit a parse tree produced by KsqlParser#inPredicate.
	VisitInPredicate(ctx *InPredicateContext) interface{}

	// Visit a parse tree produced by KsqlParser#likePredicate.
	VisitLikePredicate(ctx *LikePredicateContext) interface{}

	// Visit a parse tree produced by KsqlParser#nullPredicate.
	VisitNullPredicate(ctx *NullPredicateContext) interface{}

	// Visit a parse tree produced by KsqlParser#distinctPredicate.
	VisitDistinctPredicate(ctx *DistinctPredicateContext) interface{}

	// Visit a parse tree produced by KsqlParser#comparisonOperator.
	VisitComparisonOperator(ctx *ComparisonOperatorContext) interface{}

	// Visit a parse tree produced by KsqlParser#product.
	VisitProduct(ctx *ProductContext) interface{}

	// Visit a parse tree produced by KsqlParser#signed.
	VisitSigned(ctx *SignedContext) interface{}

	// Visit a parse tree produced by KsqlParser#sum.
	VisitSum(ctx *SumContext) interface{}

	// Visit a parse tree produced by KsqlParser#concat.
	VisitConcat(ctx *ConcatContext) interface{}

	// Visit a parse tree produced by KsqlParser#atTimeZone.
	VisitAtTimeZone(ctx *AtTimeZoneContext) interface{}

	// Visit a parse tree produced by KsqlParser#primary.
	VisitPrimary(ctx *PrimaryContext) interface{}

	// Visit a parse tree produced by KsqlParser#dereference.
	VisitDereference(ctx *DereferenceContext) interface{}

	// Visit a parse tree produced by KsqlParser#simpleCase.
	VisitSimpleCase(ctx *SimpleCaseContext) interface{}

	// Visit a parse tree produced by KsqlParser#subscript.
	VisitSubscript(ctx *SubscriptContext) interface{}

	// Visit a parse tree produced by KsqlParser#structConstructor.
	VisitStructConstructor(ctx *StructConstructorContext) interface{}

	// Visit a parse tree produced by KsqlParser#column.
	VisitColumn(ctx *ColumnContext) interface{}

	// Visit a parse tree produced by KsqlParser#qualifiedColumn.
	VisitQualifiedColumn(ctx *QualifiedColumnContext) interface{}

	// Visit a parse tree produced by KsqlParser#callAll.
	VisitCallAll(ctx *CallAllContext) interface{}

	// Visit a parse tree produced by KsqlParser#call.
	VisitCall(ctx *CallContext) interface{}

	// Visit a parse tree produced by KsqlParser#structAll.
	VisitStructAll(ctx *StructAllContext) interface{}

	// Visit a parse tree produced by KsqlParser#cast.
	VisitCast(ctx *CastContext) interface{}

	// Visit a parse tree produced by KsqlParser#arrayConstructor.
	VisitArrayConstructor(ctx *ArrayConstructorContext) interface{}

	// Visit a parse tree produced by KsqlParser#mapConstructor.
	VisitMapConstructor(ctx *MapConstructorContext) interface{}

	// Visit a parse tree produced by KsqlParser#parenthesized.
	VisitParenthesized(ctx *ParenthesizedContext) interface{}

	// Visit a parse tree produced by KsqlParser#searchedCase.
	VisitSearchedCase(ctx *SearchedCaseContext) interface{}

	// Visit a parse tree produced by KsqlParser#literalExpression.
	VisitLiteralExpression(ctx *LiteralExpressionContext) interface{}

	// Visit a parse tree produced by KsqlParser#argument.
	VisitArgument(ctx *ArgumentContext) interface{}

	// Visit a parse tree produced by KsqlParser#lambda.
	VisitLambda(ctx *LambdaContext) interface{}

	// Visit a parse tree produced by KsqlParser#whenClause.
	VisitWhenClause(ctx *WhenClauseContext) interface{}

	// Visit a parse tree produced by KsqlParser#mapEntry.
	VisitMapEntry(ctx *MapEntryContext) interface{}

	// Visit a parse tree produced by KsqlParser#structField.
	VisitStructField(ctx *StructFieldContext) interface{}

	// Visit a parse tree produced by KsqlParser#nullLiteral.
	VisitNullLiteral(ctx *NullLiteralContext) interface{}

	// Visit a parse tree produced by KsqlParser#booleanLiteral.
	VisitBooleanLiteral(ctx *BooleanLiteralContext) interface{}

	// Visit a parse tree produced by KsqlParser#stringLiteral.
	VisitStringLiteral(ctx *StringLiteralContext) interface{}

	// Visit a parse tree produced by KsqlParser#numberLiteral.
	VisitNumberLiteral(ctx *NumberLiteralContext) interface{}

	// Visit a parse tree produced by KsqlParser#signedNumber.
	VisitSignedNumber(ctx *SignedNumberContext) interface{}

	// Visit a parse tree produced by KsqlParser#number.
	VisitNumber(ctx *NumberContext) interface{}

	// Visit a parse tree produced by KsqlParser#arrayType.
	VisitArrayType(ctx *ArrayTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#mapType.
	VisitMapType(ctx *MapTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#structType.
	VisitStructType(ctx *StructTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#baseType.
	VisitBaseType(ctx *BaseTypeContext) interface{}

	// Visit a parse tree produced by KsqlParser#typeField.
	VisitTypeField(ctx *TypeFieldContext) interface{}

	// Visit a parse tree produced by KsqlParser#sourceName.
	VisitSourceName(ctx *SourceNameContext) interface{}

	// Visit a parse tree produced by KsqlParser#identifier.
	VisitIdentifier(ctx *IdentifierContext) interface{}

	// Visit a parse tree produced by KsqlParser#bareAlias.
	VisitBareAlias(ctx *BareAliasContext) interface{}

	// Visit a parse tree produced by KsqlParser#plainIdentifier.
	VisitPlainIdentifier(ctx *PlainIdentifierContext) interface{}

	// Visit a parse tree produced by KsqlParser#softKeyword.
	VisitSoftKeyword(ctx *SoftKeywordContext) interface{}

	// Visit a parse tree produced by KsqlParser#clauseKeyword.
	VisitClauseKeyword(ctx *ClauseKeywordContext) interface{}
}

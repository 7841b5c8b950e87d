//! The tree of queries and expressions. `at` is where a node starts in the script.

use crate::server::bigquery::error::Position;
use crate::server::bigquery::value::Type;

/// An identifier as written, without its backticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Name {
    pub text: String,
    pub at: Position,
}

/// A dotted name. One quoted whole (`` `p.ds.t` ``) is split at its dots where a table or model is meant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub parts: Vec<Name>,
    pub at: Position,
}

impl Path {
    /// The parts' text.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.text.clone()).collect()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expression {
    pub kind: ExpressionKind,
    pub at: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    /// Digits, decimal or `0x..`, without a sign.
    Integer(String),
    Float(f64),
    String(String),
    Bytes(Vec<u8>),
    /// `DATE '2024-01-31'`, `NUMERIC '1.5'`, `JSON '{}'` ...
    Typed(Type, String),
}

/// How `[..]` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexKind {
    /// `[OFFSET(n)]`, and `[n]`.
    Offset,
    Ordinal,
    SafeOffset,
    SafeOrdinal,
    /// `[expression]`: an array's offset, or a JSON document's key or position.
    Plain,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExpressionKind {
    Literal(Literal),
    /// `a`, `t.a`, `t.a.b`: which of them is a table, a column or a field is for the analyzer.
    Path(Vec<Name>),
    Field(Box<Expression>, Name),
    Index {
        base: Box<Expression>,
        index: Box<Expression>,
        kind: IndexKind,
    },
    /// `@name`.
    Parameter(String),
    /// The nth `?` of the script, from 1.
    Positional(usize),
    /// `@@error.message`.
    SystemVariable(Vec<Name>),
    /// `-`, `+`, `~`, `NOT`.
    Unary {
        operator: &'static str,
        operand: Box<Expression>,
    },
    /// `operator_at` is where the operator stands: BigQuery's errors name that place.
    Binary {
        operator: &'static str,
        left: Box<Expression>,
        right: Box<Expression>,
        operator_at: Position,
    },
    /// `IS [NOT] NULL | TRUE | FALSE`.
    Is {
        operand: Box<Expression>,
        test: IsTest,
        negated: bool,
    },
    Between {
        operand: Box<Expression>,
        low: Box<Expression>,
        high: Box<Expression>,
        negated: bool,
        operator_at: Position,
    },
    In {
        operand: Box<Expression>,
        set: InSet,
        negated: bool,
        operator_at: Position,
    },
    Case {
        operand: Option<Box<Expression>>,
        arms: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
    Cast {
        operand: Box<Expression>,
        to: Type,
        safe: bool,
        format: Option<Box<Expression>>,
    },
    Extract {
        part: DatePart,
        operand: Box<Expression>,
        zone: Option<Box<Expression>>,
    },
    Call(Box<Call>),
    /// `[1, 2]`, `ARRAY[..]`, `ARRAY<INT64>[..]`.
    Array {
        element: Option<Type>,
        items: Vec<Expression>,
    },
    /// `STRUCT(1 AS a)`, `STRUCT<a INT64>(1)`, and `(1, 2)`.
    Struct {
        fields: Option<Vec<(Option<String>, Type)>>,
        items: Vec<(Expression, Option<Name>)>,
    },
    ArraySubquery(Box<Query>),
    Subquery(Box<Query>),
    Exists(Box<Query>),
    /// `INTERVAL n part`.
    Interval {
        value: Box<Expression>,
        part: DatePart,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsTest {
    Null,
    True,
    False,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum InSet {
    List(Vec<Expression>),
    Subquery(Box<Query>),
    Unnest(Box<Expression>),
}

/// `HOUR`, or `WEEK(MONDAY)` with the day in `day`; upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatePart {
    pub text: String,
    pub at: Position,
}

/// A function's call. Its name's parts are as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub name: Vec<Name>,
    pub arguments: Vec<Argument>,
    /// `COUNT(*)`.
    pub star: bool,
    pub distinct: bool,
    pub nulls: Option<NullTreatment>,
    pub having: Option<(HavingKind, Expression)>,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<Expression>,
    pub over: Option<WindowReference>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    Expression(Expression),
    /// `name => value`.
    Named(Name, Expression),
    /// `MODEL path`.
    Model(Path),
    /// `TABLE path`.
    Table(Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NullTreatment {
    Ignore,
    Respect,
}

/// `HAVING MAX` or `HAVING MIN` inside an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HavingKind {
    Max,
    Min,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WindowReference {
    Name(Name),
    Specification(Box<Window>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub base: Option<Name>,
    pub partition_by: Vec<Expression>,
    pub order_by: Vec<OrderItem>,
    pub frame: Option<Frame>,
    pub at: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// `ROWS`, else `RANGE`.
    pub rows: bool,
    pub start: Bound,
    /// Absent: the current row.
    pub end: Option<Bound>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    UnboundedPreceding,
    Preceding(Expression),
    CurrentRow,
    Following(Expression),
    UnboundedFollowing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderItem {
    pub expression: Expression,
    pub descending: bool,
    /// `NULLS FIRST` is `Some(true)`.
    pub nulls_first: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub recursive: bool,
    pub with: Vec<Cte>,
    pub body: Body,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<Expression>,
    pub offset: Option<Expression>,
    /// Whether there is a `*` of a relation anywhere in it.
    pub star: bool,
    pub at: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cte {
    pub name: Name,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Select(Box<Select>),
    Query(Box<Query>),
    Set { operator: SetOperator, left: Box<Body>, right: Box<Body>, at: Position },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOperator {
    UnionAll,
    UnionDistinct,
    IntersectDistinct,
    ExceptDistinct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SelectAs {
    #[default]
    Row,
    Struct,
    Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub distinct: bool,
    pub shape: SelectAs,
    pub items: Vec<SelectItem>,
    pub from: Option<Relation>,
    pub filter: Option<Expression>,
    pub group_by: GroupBy,
    pub having: Option<Expression>,
    pub qualify: Option<Expression>,
    pub windows: Vec<(Name, WindowReference)>,
    pub at: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SelectItem {
    Expression {
        expression: Expression,
        alias: Option<Name>,
    },
    /// `*`, `t.*`, `t.a.*`.
    Star {
        base: Option<Expression>,
        except: Vec<Name>,
        replace: Vec<(Expression, Name)>,
        at: Position,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GroupBy {
    None,
    All,
    /// `GROUP BY ()` is an empty list.
    Items(Vec<Expression>),
    Rollup(Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Relation {
    /// A table, view, CTE, or a path into an earlier item of the list (`t.depth.buy`).
    Table {
        path: Path,
        alias: Option<Name>,
        offset: Option<Name>,
    },
    Unnest {
        array: Expression,
        alias: Option<Name>,
        offset: Option<Name>,
        at: Position,
    },
    Subquery {
        query: Box<Query>,
        alias: Option<Name>,
        at: Position,
    },
    /// `ML.PREDICT(MODEL m, ..)`.
    Function {
        name: Vec<Name>,
        arguments: Vec<Argument>,
        alias: Option<Name>,
        at: Position,
    },
    Join {
        kind: JoinKind,
        left: Box<Relation>,
        right: Box<Relation>,
        condition: JoinCondition,
        at: Position,
    },
    Parenthesized(Box<Relation>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    /// `CROSS JOIN` and the comma.
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JoinCondition {
    None,
    On(Expression),
    Using(Vec<Name>),
}

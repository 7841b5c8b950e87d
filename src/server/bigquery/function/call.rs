//! A resolved call and the SQLite text that makes it.

use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Type;

/// Where a function may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar,
    /// With or without OVER.
    Aggregate,
    /// Only with OVER.
    Window,
}

/// How a call is written in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `name(a, b)`
    Function,
    /// `(a name b)`
    Infix,
    /// `(name a)`
    Prefix,
    /// `(a name)`
    Suffix,
    /// `(a IN (b, c))`
    In,
    /// `(a BETWEEN b AND c)`
    Between,
}

/// A resolved call: the SQLite function that does it, what it takes and what it gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub sql_name: String,
    pub form: Form,
    /// Whether the types of the arguments go along as a literal first argument.
    pub typed: bool,
    /// The types to which the analyzer coerces the arguments, one each.
    pub arguments: Vec<Type>,
    pub result: Type,
    pub kind: Kind,
}

/// What an aggregate call has beside its arguments.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Modifiers {
    pub distinct: bool,
    pub nulls: Option<Nulls>,
    /// SQLite's text of ORDER BY keys, each with its direction; see [`sort_key`].
    pub order_by: Vec<String>,
    pub limit: Option<u64>,
    pub having: Option<Having>,
}

/// `RESPECT NULLS` or `IGNORE NULLS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    Respect,
    Ignore,
}

/// `HAVING MAX x`: only the rows with the greatest x count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Having {
    pub extreme: Extreme,
    pub sql: String,
    pub kind: Type,
}

/// Of `HAVING MAX` and `HAVING MIN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    Max,
    Min,
}

impl Call {
    /// The SQLite text of a scalar call.
    pub(crate) fn sql(&self, arguments: &[String]) -> String {
        self.named(&self.sql_name, arguments)
    }

    /// The text of `SAFE.name(..)`: NULL where the call fails. SQLite's own functions, which never fail, stay as they are.
    pub(crate) fn safe_sql(&self, arguments: &[String]) -> String {
        if self.sql_name.starts_with("bq_") {
            self.named(&format!("safe_{}", self.sql_name), arguments)
        } else {
            self.sql(arguments)
        }
    }

    /// The text of an aggregate call without OVER.
    pub(crate) fn aggregate_sql(&self, arguments: &[String], modifiers: &Modifiers) -> Result<String, QueryError> {
        self.with_modifiers(&self.sql_name, arguments, modifiers)
    }

    /// The text of an aggregate or window call before `OVER (..)`.
    pub(crate) fn window_sql(&self, arguments: &[String], modifiers: &Modifiers) -> Result<String, QueryError> {
        if !modifiers.order_by.is_empty() {
            return Err(QueryError::invalid_query(
                "ORDER BY in the arguments of an analytic function is not supported",
            ));
        }
        let own = match (self.kind, modifiers.nulls) {
            (Kind::Window, Some(Nulls::Ignore)) if !self.typed => ignoring_nulls(&self.sql_name)?,
            _ if self.typed => self.sql_name.clone(),
            _ => return self.with_modifiers(&self.sql_name, arguments, modifiers),
        };
        let call = Self { typed: true, ..self.clone() };
        call.with_modifiers(&format!("over_{own}"), arguments, modifiers)
    }

    fn named(&self, name: &str, arguments: &[String]) -> String {
        let joined = arguments.join(", ");
        match (self.form, arguments) {
            (Form::Infix, [first, rest @ ..]) if !rest.is_empty() => {
                format!("({first} {name} {})", rest.join(&format!(" {name} ")))
            }
            (Form::Prefix, _) => format!("({name} {joined})"),
            (Form::Suffix, _) => format!("({joined} {name})"),
            (Form::In, [first, rest @ ..]) => format!("({first} IN ({}))", rest.join(", ")),
            (Form::Between, [value, low, high]) => format!("({value} BETWEEN {low} AND {high})"),
            _ if self.typed => typed(name, &self.arguments, arguments),
            _ => format!("{name}({joined})"),
        }
    }

    fn with_modifiers(&self, name: &str, arguments: &[String], modifiers: &Modifiers) -> Result<String, QueryError> {
        let order = if modifiers.order_by.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", modifiers.order_by.join(", "))
        };
        if !self.typed {
            return self.native(name, arguments, modifiers, &order);
        }
        let mut types = self.arguments.clone();
        let mut texts = arguments.to_vec();
        if let Some(having) = &modifiers.having {
            types.push(having.kind.clone());
            texts.push(having.sql.clone());
        }
        let first = literal(&format!("{}|{}", flags(modifiers), list_name(&types)));
        let all: Vec<String> = std::iter::once(first).chain(texts).collect();
        Ok(format!("{name}({}{order})", all.join(", ")))
    }

    fn native(
        &self,
        name: &str,
        arguments: &[String],
        modifiers: &Modifiers,
        order: &str,
    ) -> Result<String, QueryError> {
        if modifiers.having.is_some() || modifiers.limit.is_some() {
            return Err(QueryError::invalid_query(format!(
                "HAVING modifier and LIMIT in arguments are not supported for function {}",
                self.sql_name.to_ascii_uppercase()
            )));
        }
        let distinct = if modifiers.distinct { "DISTINCT " } else { "" };
        let inside = if arguments.is_empty() && name == "count" { "*".to_owned() } else { arguments.join(", ") };
        Ok(format!("{name}({distinct}{inside}{order})"))
    }
}

/// Our own function for one of SQLite's that can't ignore NULLs.
fn ignoring_nulls(name: &str) -> Result<String, QueryError> {
    match name {
        "first_value" | "last_value" | "nth_value" => Ok(format!("bq_{name}")),
        other => Err(QueryError::invalid_query(format!(
            "IGNORE NULLS is not supported for function {}",
            other.to_ascii_uppercase()
        ))),
    }
}

/// The words before the types: `DISTINCT IGNORE LIMIT=3 HAVING=MAX`.
fn flags(modifiers: &Modifiers) -> String {
    let mut words = Vec::new();
    if modifiers.distinct {
        words.push("DISTINCT".to_owned());
    }
    match modifiers.nulls {
        Some(Nulls::Ignore) => words.push("IGNORE".to_owned()),
        Some(Nulls::Respect) => words.push("RESPECT".to_owned()),
        None => {}
    }
    if let Some(limit) = modifiers.limit {
        words.push(format!("LIMIT={limit}"));
    }
    if let Some(having) = &modifiers.having {
        words.push(if having.extreme == Extreme::Max { "HAVING=MAX" } else { "HAVING=MIN" }.to_owned());
    }
    words.join(" ")
}

/// The SQLite function of a cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CastCall {
    /// `None` where both types are kept alike: the text stays as it is.
    pub sql_name: Option<&'static str>,
    /// The types as the function's first argument.
    pub types: String,
}

impl CastCall {
    pub(crate) fn sql(&self, argument: &str) -> String {
        match self.sql_name {
            None => argument.to_owned(),
            Some(name) => format!("{name}({}, {argument}, NULL)", literal(&self.types)),
        }
    }
}

/// SQLite's most arguments of a function, less the types.
const ITEMS_MAX: usize = 100;

/// The text of `[a, b]`; a NULL element is kept (BigQuery refuses it only where an array is a result).
pub(crate) fn array_sql(element: &Type, items: &[String]) -> String {
    let pieces: Vec<String> = items
        .chunks(ITEMS_MAX)
        .map(|items| typed("bq__array_of", &vec![element.clone(); items.len()], items))
        .collect();
    match pieces.as_slice() {
        [] => "'[]'".to_owned(),
        [one] => one.clone(),
        many => join_arrays(element, many),
    }
}

/// Joins pieces of arrays, again by pieces.
fn join_arrays(element: &Type, arrays: &[String]) -> String {
    let kind = Type::Array(Box::new(element.clone()));
    let pieces: Vec<String> = arrays
        .chunks(ITEMS_MAX)
        .map(|arrays| typed("bq_array_concat", &vec![kind.clone(); arrays.len()], arrays))
        .collect();
    match pieces.as_slice() {
        [one] => one.clone(),
        many => join_arrays(element, many),
    }
}

/// The text of `STRUCT(a, b)`; at most 100 fields in one call, so more nest pairs of strings are not needed in practice.
pub(crate) fn struct_sql(fields: &[(Option<String>, Type)], values: &[String]) -> String {
    let types: Vec<Type> = fields.iter().map(|(_, kind)| kind.clone()).collect();
    let pieces: Vec<String> = types
        .chunks(ITEMS_MAX)
        .zip(values.chunks(ITEMS_MAX))
        .map(|(types, values)| typed("bq__struct", types, values))
        .collect();
    match pieces.as_slice() {
        [] => "'[]'".to_owned(),
        [one] => one.clone(),
        many => format!("bq__struct_join({})", many.join(", ")),
    }
}

/// The text of the field with index `index`, which has the type `kind`, of a struct.
pub(crate) fn field_sql(kind: &Type, index: usize, structure: &str) -> String {
    format!("bq__field({}, {structure}, {index})", literal(&list_name(std::slice::from_ref(kind))))
}

/// For `UNNEST(array)`: the table function for FROM (`json_each(..)`, columns `key`: the offset, `value`) and, given the name of its `value` column,
/// the element's text. A NULL array has no rows.
pub(crate) fn unnest_sql(element: &Type, array: &str, value: &str) -> (String, String) {
    let text = match element {
        Type::Float64 | Type::Bytes | Type::Numeric => {
            format!("bq__element({}, {value})", literal(&list_name(std::slice::from_ref(element))))
        }
        _ => value.to_owned(),
    };
    (format!("json_each({array})"), text)
}

/// The text to sort by: NaN sorts before all numbers in BigQuery, and last in SQLite.
pub(crate) fn sort_key(kind: &Type, sql: &str) -> String {
    match kind {
        Type::Float64 => format!("bq__float_order({sql})"),
        _ => sql.to_owned(),
    }
}

fn typed(name: &str, types: &[Type], arguments: &[String]) -> String {
    let first = literal(&list_name(types));
    let all: Vec<String> = std::iter::once(first).chain(arguments.iter().cloned()).collect();
    format!("{name}({})", all.join(", "))
}

/// Types as one text: the name of a STRUCT of them.
pub(super) fn list_name(types: &[Type]) -> String {
    Type::Struct(types.iter().map(|kind| (None, kind.clone())).collect()).name()
}

/// A text as an SQLite literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\0', ""))
}

//! Arrays and structs.

use super::super::coerce::{assignable, coerced};
use super::super::scope::{Analyzer, Typed};
use super::super::text::type_name;
use super::implied_name;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::{self, Argument};
use crate::server::bigquery::sql::ast::{Expression, Name};
use crate::server::bigquery::value::Type;

impl Analyzer<'_> {
    pub(super) fn array(
        &mut self,
        element: Option<&Type>,
        items: &[Expression],
        at: Position,
    ) -> Result<Typed, QueryError> {
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            parts.push(self.expression(item)?);
        }
        let kind = match element {
            Some(element) => element.clone(),
            None => {
                let arguments: Vec<Argument> = parts.iter().map(Typed::argument).collect();
                function::common_type_of(&arguments).ok_or_else(|| no_supertype(&parts, at))?
            }
        };
        if matches!(kind, Type::Array(_)) {
            return Err(QueryError::invalid_query(
                "Cannot construct array with element type ARRAY because nested arrays are not supported",
            )
            .at(at));
        }
        let mut texts = Vec::with_capacity(parts.len());
        for part in &parts {
            if !assignable(part, &kind) {
                let message =
                    format!("Array element type {} does not coerce to {}", type_name(part.kind.as_ref()), kind.name());
                return Err(QueryError::invalid_query(message).at(part.at));
            }
            texts.push(coerced(part, &kind)?);
        }
        let literal = element.is_none() && parts.iter().all(|part| part.literal);
        let sql = function::array_sql(&kind, &texts);
        Ok(Typed { literal, ..Typed::of(sql, Type::Array(Box::new(kind)), at, &parts) })
    }

    pub(super) fn structure(
        &mut self,
        fields: Option<&[(Option<String>, Type)]>,
        items: &[(Expression, Option<Name>)],
        at: Position,
    ) -> Result<Typed, QueryError> {
        if let Some(fields) = fields
            && fields.len() != items.len()
        {
            let message =
                format!("STRUCT type has {} fields but constructor call has {} fields", fields.len(), items.len());
            return Err(QueryError::invalid_query(message).at(at));
        }
        let mut parts = Vec::with_capacity(items.len());
        let mut kinds = Vec::with_capacity(items.len());
        let mut texts = Vec::with_capacity(items.len());
        for (index, (item, alias)) in items.iter().enumerate() {
            let part = self.expression(item)?;
            let field = match fields.and_then(|fields| fields.get(index)) {
                Some(field) => field.clone(),
                None => (
                    alias.as_ref().map(|name| name.text.clone()).or_else(|| implied_name(item)),
                    part.type_or_default(),
                ),
            };
            if !assignable(&part, &field.1) {
                let message = format!(
                    "Struct field {} has type {} which does not coerce to {}",
                    index + 1,
                    type_name(part.kind.as_ref()),
                    field.1.name()
                );
                return Err(QueryError::invalid_query(message).at(part.at));
            }
            texts.push(coerced(&part, &field.1)?);
            kinds.push(field);
            parts.push(part);
        }
        let literal = fields.is_none() && parts.iter().all(|part| part.literal);
        Ok(Typed { literal, ..Typed::of(function::struct_sql(&kinds, &texts), Type::Struct(kinds), at, &parts) })
    }
}

fn no_supertype(parts: &[Typed], at: Position) -> QueryError {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        let name = type_name(part.kind.as_ref());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    QueryError::invalid_query(format!(
        "Array elements of types {{{}}} do not have a common supertype",
        names.join(", ")
    ))
    .at(at)
}

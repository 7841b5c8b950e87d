//! Fields of a data view that nobody can be asked about: what a panel's own columns say of them.
//!
//! A dashboard's file names fields and not their types. Where no Elasticsearch is at hand, the type of a column and the
//! function that is applied tell enough to compile its search; a field that only a query names stays unknown, which a
//! query lets pass.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    formula::FormulaError,
    layer::{Layer, LayerError},
    object::LensPanel,
    view::{DataView, Field, FieldKind},
};

/// Fields that only formulas name, in one layer.
const FORMULA_FIELDS_MAX: usize = 200;

/// Adds the fields that the panel's layers use to their data views, but for those of the ids in `known`.
pub fn assume_fields(panel: &mut LensPanel, views: &mut BTreeMap<String, DataView>, known: &BTreeSet<String>) {
    let LensPanel { layers, ad_hoc, .. } = panel;
    for stored in layers.iter().filter(|layer| !known.contains(&layer.data_view)) {
        let view = match ad_hoc.get_mut(&stored.data_view) {
            Some(view) => view,
            None => views
                .entry(stored.data_view.clone())
                .or_insert_with(|| DataView { id: stored.data_view.clone(), ..DataView::default() }),
        };
        of_columns(&stored.layer, view);
        of_formulas(&stored.id, &stored.layer, view);
    }
    for view in views.values_mut().chain(ad_hoc.values_mut()).filter(|view| !known.contains(&view.id)) {
        if let Some(field) = view.time_field.clone() {
            add(view, &field, FieldKind::Date);
        }
    }
}

fn add(view: &mut DataView, field: &str, kind: FieldKind) {
    view.fields.entry(field.to_owned()).or_insert(Field { kind, is_aggregatable: true });
}

fn of_columns(layer: &Value, view: &mut DataView) {
    let columns = layer.get("columns").and_then(Value::as_object);
    for column in columns.into_iter().flat_map(|columns| columns.values()) {
        let text = |name: &str| column.get(name).and_then(Value::as_str);
        let kind = kind_of(text("operationType").unwrap_or_default(), text("dataType").unwrap_or_default());
        if let Some(field) = text("sourceField").filter(|field| *field != "___records___") {
            add(view, field, kind);
        }
        let parameters = column.get("params");
        if let Some(sort) = parameters.and_then(|params| params.get("sortField")).and_then(Value::as_str) {
            add(view, sort, FieldKind::Date);
        }
        let secondary = parameters.and_then(|params| params.get("secondaryFields")).and_then(Value::as_array);
        for field in secondary.into_iter().flatten().filter_map(Value::as_str) {
            add(view, field, FieldKind::Keyword);
        }
        let order = parameters.and_then(|params| params.get("orderAgg"));
        if let Some(field) = order.and_then(|order| order.get("sourceField")).and_then(Value::as_str) {
            add(view, field, FieldKind::Float);
        }
    }
}

fn kind_of(operation: &str, data_type: &str) -> FieldKind {
    match (operation, data_type) {
        ("date_histogram", _) | (_, "date") => FieldKind::Date,
        // What is counted tells nothing of itself.
        ("count" | "unique_count" | "cardinality", _) | (_, "string") => FieldKind::Keyword,
        (_, "boolean") => FieldKind::Boolean,
        (_, "ip") => FieldKind::Ip,
        _ => FieldKind::Float,
    }
}

/// Formulas compute with numbers.
fn of_formulas(id: &str, layer: &Value, view: &mut DataView) {
    for _ in 0..FORMULA_FIELDS_MAX {
        let field = match Layer::read(id, layer, view) {
            Err(LayerError::MissingField { field, .. }) => field,
            Err(LayerError::Formula { source: FormulaError::UnknownField { name, .. }, .. }) => name,
            _ => return,
        };
        add(view, &field, FieldKind::Float);
    }
}

//! References: named links from an object to others, kept in a list beside its attributes.

use serde_json::Value;

use super::json::text;

/// One link: the name by which attributes mean it, and the object that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    /// The type of the object.
    pub kind: String,
    pub id: String,
}

/// Filters nest (`combined`); deeper ones than this keep the names of their data views.
const FILTER_DEPTH_MAX: usize = 16;

/// The references of one object; a name that stands twice means the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct References(Vec<Reference>);

impl References {
    /// Of a list as Kibana stores it. Entries that lack a part lead nowhere and are left out.
    pub(super) fn read(list: Option<&Value>) -> Self {
        let entry = |value: &Value| {
            let part = |name| text(value, name).map(str::to_owned);
            Some(Reference { name: part("name")?, kind: part("type")?, id: part("id")? })
        };
        Self(list.and_then(Value::as_array).into_iter().flatten().filter_map(entry).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Reference> {
        self.0.iter().find(|reference| reference.name == name)
    }

    /// The id of a data view.
    pub(super) fn data_view(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|reference| reference.kind == "index-pattern").map(|reference| reference.id.as_str())
    }

    /// Those of one panel, under the names that the panel knows. Before 7.13 the names had no panel in front, so all
    /// of the dashboard's come after them.
    pub(super) fn of_panel(&self, panel: &str) -> Self {
        let own = self.0.iter().filter_map(|reference| {
            let name = reference.name.strip_prefix(panel)?.strip_prefix(':')?;
            Some(Reference { name: name.to_owned(), ..reference.clone() })
        });
        Self(own.chain(self.0.iter().cloned()).collect())
    }

    pub(super) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn into_list(self) -> Vec<Reference> {
        self.0
    }
}

/// Puts the ids of data views into saved filters, in place of the names of references.
pub(super) fn resolve_filters(filters: &[Value], references: &References) -> Vec<Value> {
    let mut filters = filters.to_vec();
    for filter in &mut filters {
        resolve_filter(filter, references, FILTER_DEPTH_MAX);
    }
    filters
}

fn resolve_filter(filter: &mut Value, references: &References, depth: usize) {
    let Some(meta) = filter.get_mut("meta").and_then(Value::as_object_mut) else { return };
    let by_name = meta.get("indexRefName").or_else(|| meta.get("index")).and_then(Value::as_str);
    if let Some(id) = by_name.and_then(|name| references.data_view(name)).map(str::to_owned) {
        meta.remove("indexRefName");
        meta.insert("index".to_owned(), id.into());
    }
    let nested = meta.get_mut("params").and_then(Value::as_array_mut);
    if depth > 0 {
        for member in nested.into_iter().flatten() {
            resolve_filter(member, references, depth - 1);
        }
    }
}

//! The controls above a dashboard: lists of options, ranges of numbers, a slice of time, ES|QL variables.

use serde_json::{Map, Value};

use super::ObjectError;
use super::json::{embedded_object, flag, label, text};
use super::reference::References;

/// All controls, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Controls {
    pub list: Vec<Control>,
    pub chaining: Chaining,
    /// Labels stand above the controls, not beside.
    pub has_two_lines: bool,
    pub ignores_filters: bool,
    pub ignores_query: bool,
    pub ignores_time: bool,
    pub ignores_validations: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chaining {
    /// A control narrows those after it.
    #[default]
    Hierarchical,
    None,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    pub id: String,
    pub title: String,
    pub width: ControlWidth,
    pub grows: bool,
    pub kind: ControlKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlWidth {
    Small,
    Medium,
    Large,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ControlKind {
    Options(OptionsList),
    /// Ends as written; an empty text is an open end.
    Range {
        field: String,
        data_view: Option<String>,
        value: Option<(String, String)>,
        step: Option<f64>,
    },
    /// Fractions of the dashboard's range, 0 to 1.
    Time {
        start: Option<f64>,
        end: Option<f64>,
    },
    /// A variable of ES|QL panels.
    Esql {
        variable: String,
        query: String,
        options: Vec<String>,
        selected: Vec<String>,
    },
    Unsupported {
        what: String,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptionsList {
    pub field: String,
    pub data_view: Option<String>,
    /// Strings, numbers or booleans.
    pub selected: Vec<Value>,
    pub is_single: bool,
    /// Matches what is not selected.
    pub excludes: bool,
    /// Matches documents that have the field at all.
    pub exists: bool,
    /// `_count` or `_key`.
    pub sort_by: String,
    pub is_descending: bool,
    /// `prefix`, `wildcard` or `exact`.
    pub search_technique: String,
}

impl Controls {
    pub(super) fn read(input: Option<&Value>, references: &References) -> Result<Self, ObjectError> {
        let Some(input) = input.filter(|input| input.is_object()) else { return Ok(Self::default()) };
        let panels = embedded_object(input.get("panelsJSON"), "attributes.controlGroupInput.panelsJSON")?;
        let ignored = embedded_object(
            input.get("ignoreParentSettingsJSON"),
            "attributes.controlGroupInput.ignoreParentSettingsJSON",
        )?;
        let ignores = |name: &str| ignored.get(name).and_then(Value::as_bool).unwrap_or(false);
        Ok(Self {
            list: in_order(&panels).into_iter().map(|(id, panel)| Control::read(id, panel, references)).collect(),
            chaining: match text(input, "chainingSystem") {
                Some("NONE") => Chaining::None,
                _ => Chaining::Hierarchical,
            },
            has_two_lines: text(input, "controlStyle") == Some("twoLine"),
            ignores_filters: ignores("ignoreFilters"),
            ignores_query: ignores("ignoreQuery"),
            ignores_time: ignores("ignoreTimerange"),
            ignores_validations: ignores("ignoreValidations"),
        })
    }

    /// Ids of the data views that controls ask.
    pub(super) fn data_views(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter_map(|control| match &control.kind {
            ControlKind::Options(options) => options.data_view.as_deref(),
            ControlKind::Range { data_view, .. } => data_view.as_deref(),
            _ => None,
        })
    }
}

fn in_order(panels: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut panels: Vec<_> = panels.iter().collect();
    panels.sort_by_key(|(_, panel)| panel.get("order").and_then(Value::as_i64).unwrap_or(i64::MAX));
    panels
}

impl Control {
    fn read(id: &str, panel: &Value, references: &References) -> Self {
        let none = Value::Null;
        let input = panel.get("explicitInput").unwrap_or(&none);
        let kind = kind(text(panel, "type").unwrap_or_default(), id, input, references);
        let title = text(input, "title").or_else(|| text(input, "fieldName")).or_else(|| text(input, "variableName"));
        Self {
            id: id.to_owned(),
            title: title.unwrap_or_default().to_owned(),
            width: match text(panel, "width") {
                Some("small") => ControlWidth::Small,
                Some("large") => ControlWidth::Large,
                _ => ControlWidth::Medium,
            },
            grows: flag(panel, "grow"),
            kind,
        }
    }
}

fn kind(name: &str, id: &str, input: &Value, references: &References) -> ControlKind {
    let field = text(input, "fieldName").map(str::to_owned);
    let view = |usual: &str| {
        let named = text(input, "dataViewRefName").and_then(|name| references.data_view(name));
        let given = named.or_else(|| text(input, "dataViewId"));
        given.or_else(|| references.data_view(&format!("controlGroup_{id}:{usual}"))).map(str::to_owned)
    };
    match (name, field) {
        ("optionsListControl", Some(field)) => {
            ControlKind::Options(options_list(field, view("optionsListDataView"), input))
        }
        ("rangeSliderControl", Some(field)) => ControlKind::Range {
            field,
            data_view: view("rangeSliderDataView"),
            value: range(input.get("value")),
            step: input.get("step").and_then(Value::as_f64),
        },
        ("optionsListControl" | "rangeSliderControl", None) => {
            ControlKind::Unsupported { what: format!("controls of type `{name}`"), reason: "it names no field".into() }
        }
        ("timeSlider", _) => ControlKind::Time {
            start: input.get("timesliceStartAsPercentageOfTimeRange").and_then(Value::as_f64),
            end: input.get("timesliceEndAsPercentageOfTimeRange").and_then(Value::as_f64),
        },
        ("esqlControl", _) => ControlKind::Esql {
            variable: text(input, "variableName").unwrap_or_default().to_owned(),
            query: text(input, "esqlQuery").unwrap_or_default().to_owned(),
            options: labels(input.get("availableOptions")),
            selected: labels(input.get("selectedOptions")),
        },
        (other, _) => ControlKind::Unsupported {
            what: format!("controls of type `{other}`"),
            reason: "only lists of options, ranges, time sliders and ES|QL variables are known".into(),
        },
    }
}

fn options_list(field: String, data_view: Option<String>, input: &Value) -> OptionsList {
    let sort = |name| input.get("sort").and_then(|sort| text(sort, name));
    let by = sort("by").unwrap_or("_count");
    let is_scalar = |value: &&Value| value.is_string() || value.is_number() || value.is_boolean();
    let selected = input.get("selectedOptions").and_then(Value::as_array).into_iter().flatten();
    OptionsList {
        field,
        data_view,
        selected: selected.filter(is_scalar).cloned().collect(),
        is_single: flag(input, "singleSelect"),
        excludes: flag(input, "exclude"),
        exists: flag(input, "existsSelected"),
        sort_by: by.to_owned(),
        is_descending: sort("direction").map_or(by == "_count", |direction| direction == "desc"),
        search_technique: text(input, "searchTechnique").unwrap_or("prefix").to_owned(),
    }
}

/// Two texts; both empty is no range at all.
fn range(value: Option<&Value>) -> Option<(String, String)> {
    let [from, to] = value?.as_array()?.as_slice() else { return None };
    let (from, to) = (label(Some(from)).unwrap_or_default(), label(Some(to)).unwrap_or_default());
    (!from.is_empty() || !to.is_empty()).then_some((from, to))
}

fn labels(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(|value| label(Some(value))).collect()
}

//! A model of either kind, and the one door through which `ML.X` functions call it.

use serde::{Deserialize, Serialize};

use super::arima::ArimaModel;
use super::error::MlError;
use super::frame::Frame;
use super::linear::LinearModel;
use super::options::{ModelOptions, Reader};
use super::table::Table;
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Value;

/// A trained model. Its JSON is what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Model {
    Linear(Box<LinearModel>),
    Arima(Box<ArimaModel>),
}

impl Model {
    /// Trains on all rows of `frame`.
    pub(crate) fn fit(options: &ModelOptions, frame: &Frame) -> Result<Self, MlError> {
        Ok(match options {
            ModelOptions::Linear(options) => Self::Linear(Box::new(LinearModel::fit(options, frame)?)),
            ModelOptions::Arima(options) => Self::Arima(Box::new(ArimaModel::fit(options, frame)?)),
        })
    }

    /// The `modelType` of its resource.
    pub(crate) fn resource_type(&self) -> &'static str {
        match self {
            Self::Linear(_) => "LINEAR_REGRESSION",
            Self::Arima(_) => "ARIMA_PLUS",
        }
    }

    /// What is worth saying after training: averaged rows, series left out. One sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        match self {
            Self::Linear(model) => model.notes(),
            Self::Arima(model) => model.notes(),
        }
    }

    /// The rows of `function`, upper case with its `ML.`; `options` are the fields of its STRUCT, `input` the rows of its table or query.
    ///
    /// `ML.PREDICT` gives the predicted column alone, a row an input row: the input's columns go after it.
    /// The error says which function was misused, without position.
    pub(crate) fn call(
        &self,
        function: &str,
        options: &[(String, Value)],
        input: Option<&Frame>,
    ) -> Result<Table, QueryError> {
        self.dispatch(function, options, input).map_err(|error| error.in_function(function))
    }

    fn dispatch(&self, function: &str, options: &[(String, Value)], input: Option<&Frame>) -> Result<Table, MlError> {
        let mut reader = Reader::new(options)?;
        let table = match self {
            Self::Linear(model) => model.call(function, &mut reader, input),
            Self::Arima(model) => model.call(function, &mut reader, input),
        }?;
        reader.finish()?;
        Ok(table)
    }
}

/// For a function that takes no rows.
pub(super) fn without_input(input: Option<&Frame>) -> Result<(), MlError> {
    match input {
        None => Ok(()),
        Some(_) => Err(MlError::Misuse("does not take an input table or query for this model type".to_owned())),
    }
}

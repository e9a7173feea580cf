//! Why a template cannot be read.

use thiserror::Error;

use super::node::{Fault, Mark};

/// Why a text cannot be read as a template.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// It is not valid JSON or YAML, or not a valid template.
    #[error("line {line}, column {column}: {message}")]
    Text {
        /// The line, counted from 1.
        line: u32,
        /// The column in characters, counted from 1.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// A parameter or its value is not valid for the template.
    #[error("{0}")]
    Parameter(String),
}

impl TemplateError {
    pub(super) fn at(at: Mark, message: impl Into<String>) -> Self {
        TemplateError::Text {
            line: at.line,
            column: at.column,
            message: message.into(),
        }
    }
}

impl From<Fault> for TemplateError {
    fn from(fault: Fault) -> Self {
        TemplateError::at(fault.at, fault.message)
    }
}

//! The errors that the service answers with.

use std::borrow::Cow;

use serde_json::{Value, json};

/// An error answer: AWS's code, its message and the HTTP status.
#[derive(Clone, Debug)]
pub(super) struct ServiceError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: Cow<'static, str>,
}

/// What an operation comes to.
pub(super) type Result<T, E = ServiceError> = std::result::Result<T, E>;

impl ServiceError {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The body is no JSON, or a member has another type than the API model says.
    pub(super) fn serialization(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("SerializationException", message)
    }

    /// A member breaks a constraint of the API model; `member` is its name there, in lower camel case.
    ///
    /// AWS quotes the offending value in some of these; the backend never does.
    pub(super) fn validation(member: &str, constraint: &str) -> Self {
        Self::new(
            "ValidationException",
            format!(
                "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must {constraint}"
            ),
        )
    }

    pub(super) fn invalid_parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(super) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(super) fn invalid_next_token() -> Self {
        Self::new("InvalidNextTokenException", "Invalid token.")
    }

    pub(super) fn exists(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("ResourceExistsException", message)
    }

    pub(super) fn not_found() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    /// The secret is there, a value that `what` names is not.
    pub(super) fn no_value(what: impl std::fmt::Display) -> Self {
        Self::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {what}"),
        )
    }

    pub(super) fn marked_for_deletion() -> Self {
        Self::invalid_request(
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    }

    pub(super) fn throttling() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    pub(super) fn limit_exceeded(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("LimitExceededException", message)
    }

    /// The answer's JSON body.
    pub(super) fn to_json(&self) -> Value {
        json!({ "__type": self.code, "Message": self.message })
    }
}

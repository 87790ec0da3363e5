//! What the service, or the way to it, answered: told apart by AWS's codes, with nothing secret in it.
//!
//! An SDK error is read once, here, and dropped: its message names people, and its raw response may hold a value.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;

use crate::contract::{ErrorKind, StoreError};

/// A failed request to Secrets Manager: the source of a [`StoreError`](crate::StoreError).
///
/// It shows the operation, AWS's error code, the HTTP status, the request id and, where AWS refused it, the
/// missing permission. It never shows AWS's message, which names people and roles.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    operation: &'static str,
    failure: Failure,
    code: Option<String>,
    http_status: Option<u16>,
    request_id: Option<String>,
    missing_permission: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    NotSent,
    NoCredentials,
    CredentialsUnavailable,
    TimedOut,
    Unreachable,
    UnreadableAnswer,
    Answered,
}

impl ServiceError {
    /// The operation of the Secrets Manager API, such as `GetSecretValue`.
    pub fn operation(&self) -> &str {
        self.operation
    }

    /// AWS's error code, such as `ThrottlingException`; `None` if there was no answer, or none that could be read.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The answer's HTTP status.
    pub fn http_status(&self) -> Option<u16> {
        self.http_status
    }

    /// The request id to give to AWS's support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The IAM action that the credentials lack, such as `secretsmanager:PutSecretValue`. Of a KMS key AWS doesn't say
    /// which one it is: for a write, `kms:GenerateDataKey or kms:Decrypt`.
    pub fn missing_permission(&self) -> Option<&str> {
        self.missing_permission.as_deref()
    }

    pub(super) fn from_sdk<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let failure = match error {
            SdkError::ConstructionFailure(_) => Failure::NotSent,
            SdkError::TimeoutError(_) => Failure::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Failure::TimedOut,
            SdkError::DispatchFailure(_) => before_dispatch(error).unwrap_or(Failure::Unreachable),
            // A success that cannot be parsed comes as an error of the operation: it may well have been done.
            SdkError::ServiceError(context) if context.raw().status().is_success() => {
                Failure::UnreadableAnswer
            }
            SdkError::ServiceError(_) => Failure::Answered,
            SdkError::ResponseError(_) => Failure::UnreadableAnswer,
            _ => Failure::Unreachable,
        };
        let service_error = match error {
            SdkError::ServiceError(context) => Some(context.err()),
            _ => None,
        };
        let code = service_error.and_then(|error| error.code()).and_then(plain);
        let message = service_error.and_then(|error| error.message()).unwrap_or_default();
        let mut this = Self {
            operation,
            failure,
            http_status: error.raw_response().map(|response| response.status().as_u16()),
            request_id: error.request_id().and_then(plain),
            missing_permission: None,
            code,
        };
        if this.lacks_permission() {
            this.missing_permission = missing_permission(operation, message);
        }
        this
    }

    /// What a batch says of one of its secrets.
    pub(super) fn in_batch(operation: &'static str, code: &str, message: &str) -> Self {
        let mut this = Self { code: plain(code), failure: Failure::Answered, ..Self::timed_out(operation) };
        if this.lacks_permission() {
            this.missing_permission = missing_permission("GetSecretValue", message);
        }
        this
    }

    /// No answer within the store's own deadline.
    pub(super) fn timed_out(operation: &'static str) -> Self {
        Self {
            operation,
            failure: Failure::TimedOut,
            code: None,
            http_status: None,
            request_id: None,
            missing_permission: None,
        }
    }

    /// An answer that lacks what AWS documents to be in it.
    pub(super) fn incomplete_answer(operation: &'static str) -> Self {
        Self { failure: Failure::UnreadableAnswer, ..Self::timed_out(operation) }
    }

    /// Whether a write that ended so may have happened all the same.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.kind(), ErrorKind::TimedOut | ErrorKind::Unavailable)
    }

    /// Whether the same request may be answered a moment later.
    pub(super) fn is_passing(&self) -> bool {
        self.is_unanswered() || self.kind() == ErrorKind::Throttled
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.has_code("ResourceNotFoundException")
    }

    pub(super) fn is_already_there(&self) -> bool {
        self.has_code("ResourceExistsException")
    }

    /// The code that AWS uses, among other things, for a secret that is scheduled for deletion.
    pub(super) fn is_invalid_request(&self) -> bool {
        self.has_code("InvalidRequestException")
    }

    fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub(super) fn kind(&self) -> ErrorKind {
        match self.failure {
            Failure::NotSent | Failure::NoCredentials => return ErrorKind::Configuration,
            Failure::TimedOut => return ErrorKind::TimedOut,
            Failure::CredentialsUnavailable | Failure::Unreachable | Failure::UnreadableAnswer => {
                return ErrorKind::Unavailable;
            }
            Failure::Answered => {}
        }
        // Throttling, denial and validation are not modelled in the SDK, so the code is what there is.
        match self.code.as_deref().unwrap_or_default() {
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "SlowDown" => ErrorKind::Throttled,
            "AccessDeniedException"
            | "AccessDenied"
            | "NotAuthorized"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "OptInRequired" => ErrorKind::AccessDenied,
            "EncryptionFailure" | "DecryptionFailure" => ErrorKind::Kms,
            "LimitExceededException" => ErrorKind::QuotaExceeded,
            "RequestTimeout" | "RequestTimeoutException" => ErrorKind::TimedOut,
            "InternalServiceError"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => ErrorKind::Unavailable,
            _ if self.http_status.is_some_and(|status| status >= 500) => ErrorKind::Unavailable,
            _ if self.http_status == Some(429) => ErrorKind::Throttled,
            _ if self.http_status == Some(408) => ErrorKind::TimedOut,
            _ => ErrorKind::Unexpected,
        }
    }

    /// The error that the caller sees.
    pub(super) fn into_store_error(self, secret_name: Option<&str>) -> StoreError {
        let kind = self.kind();
        let error = match (self.failure, kind) {
            (Failure::NotSent, _) => StoreError::new(
                kind,
                "the AWS client could not make the request: set a region (AWS_REGION) and check the endpoint",
            ),
            (Failure::NoCredentials, _) => StoreError::new(
                kind,
                "there are no AWS credentials: give the function or task a role, or set a profile or AWS_ACCESS_KEY_ID",
            ),
            (Failure::CredentialsUnavailable, _) => StoreError::new(
                kind,
                "the AWS credentials could not be fetched from where the environment says: check the role, the profile \
                 or the instance metadata service, then try again",
            ),
            (_, ErrorKind::AccessDenied) if !self.lacks_permission() => StoreError::new(
                kind,
                "AWS does not accept the credentials: they are expired, unknown or of a wrong key",
            ),
            _ => match &self.missing_permission {
                Some(permission) => StoreError::new(kind, advice_to_grant(permission)),
                None => StoreError::from(kind),
            },
        };
        let error = error.with_source(self);
        match secret_name {
            Some(name) => error.with_secret_name(name),
            None => error,
        }
    }

    fn lacks_permission(&self) -> bool {
        matches!(self.code(), Some("AccessDeniedException" | "AccessDenied" | "NotAuthorized"))
    }
}

impl StoreError {
    /// What AWS, or the way to it, answered: operation, code, status, request id and missing permission.
    ///
    /// `None` if no request failed.
    pub fn service_error(&self) -> Option<&ServiceError> {
        self.source()?.downcast_ref()
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.operation)?;
        match (self.failure, &self.code) {
            (Failure::NotSent, _) => f.write_str("could not be sent")?,
            (Failure::NoCredentials, _) => f.write_str("could not be signed")?,
            (Failure::CredentialsUnavailable, _) => f.write_str("could not get its credentials")?,
            (Failure::TimedOut, _) => f.write_str("was not answered in time")?,
            (Failure::Unreachable, _) => f.write_str("did not reach the service, or its answer was lost")?,
            (Failure::UnreadableAnswer, _) => f.write_str("got an answer that could not be read")?,
            (Failure::Answered, Some(code)) => write!(f, "failed with {code}")?,
            (Failure::Answered, None) => f.write_str("failed without an error code")?,
        }
        if let Some(permission) = &self.missing_permission {
            write!(f, ", missing permission {permission}")?;
        }
        if let Some(status) = self.http_status {
            write!(f, ", HTTP {status}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request id {id}")?;
        }
        Ok(())
    }
}

impl Error for ServiceError {}

/// What kept a request from being sent at all. The SDK reports it as a failed dispatch, so the sources must tell.
fn before_dispatch(error: &(dyn Error + 'static)) -> Option<Failure> {
    std::iter::successors(error.source(), |&error| error.source()).find_map(|source| {
        if let Some(error) = source.downcast_ref::<CredentialsError>() {
            return Some(match error {
                CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
                    Failure::NoCredentials
                }
                _ => Failure::CredentialsUnavailable,
            });
        }
        // These two types are not public.
        let text = source.to_string();
        if text.contains("failed to select an auth scheme") {
            return Some(Failure::NoCredentials);
        }
        let endpoint = ["Invalid Configuration", "failed to apply endpoint"];
        endpoint.iter().any(|beginning| text.starts_with(beginning)).then_some(Failure::NotSent)
    })
}

/// A code or id as AWS writes them; anything else is not passed on.
pub(super) fn plain(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    ((1..=64).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
}

/// What to grant, and on what: a common mistake is ListSecrets on a prefix, or an action on the secret alone where its key
/// refuses.
fn advice_to_grant(permission: &str) -> String {
    let (actions, resource) = match permission {
        "secretsmanager:ListSecrets" | "secretsmanager:BatchGetSecretValue" => (permission, "resource \"*\""),
        EITHER_TO_WRITE => ("kms:GenerateDataKey and kms:Decrypt", KEY),
        _ if permission.starts_with("kms:") => (permission, KEY),
        _ => (permission, "the secret"),
    };
    format!("access denied: grant {actions} on {resource} to the role that runs this")
}

const KEY: &str = "the secret's KMS key, in its key policy or by IAM,";

/// AWS asks for [both] when the key is set, and for the second when it compares a repeated write.
///
/// [both]: https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
const EITHER_TO_WRITE: &str = "kms:GenerateDataKey or kms:Decrypt";

/// The action that AWS's message says was denied, else the one that the operation needs first.
pub(super) fn missing_permission(operation: &str, message: &str) -> Option<String> {
    let said = message.split_once("to perform: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let is_action = |action: &str| {
        let (service, name) = action.split_once(':').unwrap_or_default();
        matches!(service, "secretsmanager" | "kms")
            && name.bytes().all(|b| b.is_ascii_alphabetic())
            && !name.is_empty()
    };
    let of_the_key = said.is_none() && message.contains("KMS");
    Some(match said {
        Some(said) if is_action(said) => said.to_owned(),
        _ if of_the_key && operation.contains("GetSecretValue") => "kms:Decrypt".to_owned(),
        _ if of_the_key => EITHER_TO_WRITE.to_owned(),
        _ => format!("secretsmanager:{operation}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_permission_is_the_action_alone() {
        let message = "User: arn:aws:sts::123456789012:assumed-role/app/jane@example.com is not authorized to perform: \
                       secretsmanager:TagResource on resource: x because no identity-based policy allows it";
        assert_eq!(
            missing_permission("CreateSecret", message).as_deref(),
            Some("secretsmanager:TagResource")
        );
        assert_eq!(
            missing_permission("GetSecretValue", "").as_deref(),
            Some("secretsmanager:GetSecretValue")
        );
        let kms = "Access to KMS is not allowed";
        assert_eq!(missing_permission("GetSecretValue", kms).as_deref(), Some("kms:Decrypt"));
        assert_eq!(missing_permission("BatchGetSecretValue", kms).as_deref(), Some("kms:Decrypt"));
        for write in ["PutSecretValue", "CreateSecret"] {
            let missing = missing_permission(write, kms);
            assert_eq!(missing.as_deref(), Some("kms:GenerateDataKey or kms:Decrypt"));
        }
        let named_kms =
            "User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: KMS/tokens";
        assert_eq!(
            missing_permission("GetSecretValue", named_kms).as_deref(),
            Some("secretsmanager:GetSecretValue")
        );
        for odd in [
            "jane@example.com",
            "jane:Doe",
            "secretsmanager:jane@example.com",
            "secretsmanager:",
            "secretsmanager",
            "",
        ] {
            let message = format!("is not authorized to perform: {odd} on resource: x");
            assert_eq!(
                missing_permission("PutSecretValue", &message).as_deref(),
                Some("secretsmanager:PutSecretValue"),
                "{odd}"
            );
        }
    }

    #[test]
    fn what_is_denied_in_a_batch_lacks_the_permission_of_a_single_read() {
        let missing = |code: &str, message: &str| {
            ServiceError::in_batch("BatchGetSecretValue", code, message).missing_permission
        };
        assert_eq!(missing("AccessDeniedException", "").as_deref(), Some("secretsmanager:GetSecretValue"));
        let kms = "Access to KMS is not allowed";
        assert_eq!(missing("AccessDeniedException", kms).as_deref(), Some("kms:Decrypt"));
        assert_eq!(missing("DecryptionFailure", kms), None);
    }

    #[test]
    fn the_advice_says_what_to_grant_on_what() {
        for (operation, message, advice) in [
            ("GetSecretValue", "", "grant secretsmanager:GetSecretValue on the secret to the role"),
            ("ListSecrets", "", "grant secretsmanager:ListSecrets on resource \"*\" to the role"),
            (
                "GetSecretValue",
                "KMS",
                "grant kms:Decrypt on the secret's KMS key, in its key policy or by IAM",
            ),
            ("PutSecretValue", "KMS", "grant kms:GenerateDataKey and kms:Decrypt on the secret's KMS key"),
        ] {
            let permission = missing_permission(operation, message).expect("there is always one to grant");
            assert!(advice_to_grant(&permission).contains(advice), "{}", advice_to_grant(&permission));
        }
    }

    #[test]
    fn bad_credentials_are_told_apart_from_a_missing_permission() {
        let text = |code| ServiceError::in_batch("", code, "").into_store_error(None).to_string();
        assert!(text("ExpiredTokenException").contains("does not accept the credentials"));
        for code in ["AccessDeniedException", "AccessDenied", "NotAuthorized"] {
            assert!(text(code).contains("grant secretsmanager:GetSecretValue"), "{code}");
        }
        let expired = ServiceError::in_batch("", "ExpiredTokenException", "");
        assert_eq!(expired.missing_permission(), None);
    }

    #[cfg(feature = "embedded")]
    #[test]
    fn what_came_of_a_request_without_an_answer_is_told_apart() {
        use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
        use aws_smithy_runtime_api::client::result::ConnectorError;
        use aws_smithy_runtime_api::http::StatusCode;

        type Failed = SdkError<GetSecretValueError, HttpResponse>;
        let answer = || HttpResponse::new(StatusCode::try_from(200).expect("valid"), "".into());
        for (error, kind, may_have_happened) in [
            (Failed::construction_failure("x"), ErrorKind::Configuration, false),
            (Failed::timeout_error("x"), ErrorKind::TimedOut, true),
            (Failed::dispatch_failure(ConnectorError::timeout("x".into())), ErrorKind::TimedOut, true),
            (Failed::dispatch_failure(ConnectorError::io("x".into())), ErrorKind::Unavailable, true),
            (Failed::response_error("x", answer()), ErrorKind::Unavailable, true),
        ] {
            let read = ServiceError::from_sdk("GetSecretValue", &error);
            assert_eq!((read.kind(), read.is_unanswered()), (kind, may_have_happened), "{error:?}");
        }
        let unreadable = ServiceError::from_sdk("GetSecretValue", &Failed::response_error("x", answer()));
        for error in [unreadable, ServiceError::incomplete_answer("GetSecretValue")] {
            assert!(error.to_string().contains("got an answer that could not be read"), "{error}");
            assert!(error.is_unanswered());
        }
    }

    #[test]
    fn without_a_code_that_is_known_the_status_decides() {
        let answered = |http_status| ServiceError {
            failure: Failure::Answered,
            http_status,
            request_id: Some("5f7d-01".to_owned()),
            ..ServiceError::timed_out("GetSecretValue")
        };
        for (status, kind) in [
            (Some(400), ErrorKind::Unexpected),
            (Some(408), ErrorKind::TimedOut),
            (Some(429), ErrorKind::Throttled),
            (Some(499), ErrorKind::Unexpected),
            (Some(500), ErrorKind::Unavailable),
            (None, ErrorKind::Unexpected),
        ] {
            let error = answered(status);
            assert_eq!((error.kind(), error.http_status()), (kind, status));
            assert_eq!(error.request_id(), Some("5f7d-01"));
        }
    }

    #[test]
    fn codes_and_ids_pass_only_in_their_usual_form() {
        assert_eq!(plain("ThrottlingException").as_deref(), Some("ThrottlingException"));
        assert_eq!(plain("jane@example.com"), None);
        assert_eq!(plain(""), None);
        assert_eq!(plain(&"x".repeat(65)), None);
    }

    #[test]
    fn kinds_go_by_the_code() {
        let kind = |code: &str| ServiceError::in_batch("BatchGetSecretValue", code, "").kind();
        for (expected, codes) in [
            (
                ErrorKind::Throttled,
                "ThrottlingException Throttling ThrottledException RequestThrottled RequestThrottledException \
                 TooManyRequestsException RequestLimitExceeded SlowDown",
            ),
            (
                ErrorKind::AccessDenied,
                "AccessDeniedException AccessDenied NotAuthorized UnrecognizedClientException \
                 InvalidClientTokenId InvalidSignatureException SignatureDoesNotMatch ExpiredTokenException \
                 ExpiredToken IncompleteSignature MissingAuthenticationToken OptInRequired",
            ),
            (ErrorKind::Kms, "EncryptionFailure DecryptionFailure"),
            (ErrorKind::QuotaExceeded, "LimitExceededException"),
            (ErrorKind::TimedOut, "RequestTimeout RequestTimeoutException"),
            (
                ErrorKind::Unavailable,
                "InternalServiceError InternalFailure ServiceUnavailable ServiceUnavailableException",
            ),
            (ErrorKind::Unexpected, "ValidationException InvalidParameterException throttlingexception"),
        ] {
            for code in codes.split_whitespace() {
                assert_eq!(kind(code), expected, "{code}");
            }
        }
    }
}

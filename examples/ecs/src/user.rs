//! Whose token is meant: the header `X-User`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode;

use crate::failure::Failure;

/// A user's name, which is shown nowhere.
pub(crate) struct User(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut given = parts.headers.get_all("x-user").iter();
        let (Some(name), None) = (given.next(), given.next()) else {
            return Err(Failure::bad_request("one_x_user_header"));
        };
        match percent_decode(name.as_bytes()).decode_utf8() {
            Ok(name) if !name.is_empty() => Ok(Self(name.into_owned())),
            _ => Err(Failure::bad_request("x_user_is_percent_encoded_utf_8")),
        }
    }
}

//! Token responses, RFC 6749 §5.

use std::time::{Duration, SystemTime};

use oauth_token_store::{ErrorKind, OAuthToken, TokenResponseError};

use crate::{built, exposed, found, token};

const RECEIVED: SystemTime = SystemTime::UNIX_EPOCH;

fn response(body: &str) -> Result<OAuthToken, TokenResponseError> {
    token().token_response_at(body, RECEIVED).map(built)
}

/// The lifetime that a response with this `expires_in`, as JSON, gives.
fn lifetime(expires_in: &str) -> Option<Duration> {
    let body = format!(r#"{{"access_token": "a", "expires_in": {expires_in}}}"#);
    let expiry = response(&body).unwrap().expiry_time();
    expiry.map(|expiry| expiry.duration_since(RECEIVED).unwrap())
}

#[test]
fn the_example_of_the_rfc() {
    let token = response(
        r#"{
            "access_token":"2YotnFZFEjr1zCsicMWpAA",
            "token_type":"example",
            "expires_in":3600,
            "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA",
            "scope":"one two",
            "example_parameter":"example_value"
        }"#,
    )
    .unwrap();
    assert_eq!(exposed(token.access_token()), Some("2YotnFZFEjr1zCsicMWpAA"));
    assert_eq!(exposed(token.refresh_token()), Some("tGzv3JOkF0XG5Qx2TlKWIA"));
    assert_eq!(token.token_type(), Some("example"));
    assert_eq!(token.scope(), Some("one two"));
    assert_eq!(token.expiry_time(), Some(RECEIVED + Duration::from_secs(3600)));
    assert_eq!(token.extras().collect::<Vec<_>>(), [("example_parameter", "example_value")]);
}

#[test]
fn expires_in_is_read_in_every_form_that_providers_send() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(lifetime("3600"), seconds(3600));
    assert_eq!(lifetime(r#""3600""#), seconds(3600));
    assert_eq!(lifetime(r#"" 3600 ""#), seconds(3600));
    assert_eq!(lifetime("3599.5"), Some(Duration::from_millis(3_599_500)));
    assert_eq!(lifetime(r#""3599.5""#), Some(Duration::from_millis(3_599_500)));
    assert_eq!(lifetime("3.6e3"), seconds(3600));
    assert_eq!(lifetime("0"), seconds(0));
}

#[test]
fn a_lifetime_below_none_has_ended() {
    assert_eq!(lifetime("-1"), Some(Duration::ZERO));
    assert_eq!(lifetime(r#""-3600""#), Some(Duration::ZERO));
}

#[test]
fn a_lifetime_that_cannot_be_read_is_absent_and_the_token_is_kept() {
    for garbage in [
        "null",
        "true",
        "[3600]",
        r#"{"seconds": 3600}"#,
        r#""""#,
        r#""soon""#,
        r#""3600s""#,
        r#""NaN""#,
        r#""inf""#,
        r#""-infinity""#,
        "1e30",
        "1e400",
        "18446744073709551616",
        r#""0x10""#,
        r#""1 000""#,
    ] {
        assert_eq!(lifetime(garbage), None, "{garbage}");
    }
}

#[test]
fn a_very_long_lifetime_does_not_wrap_around() {
    for long in ["1e10", "1e12", "9e15", "9e18", "1.8e19"] {
        assert!(lifetime(long).is_none_or(|life| life > Duration::from_secs(9_000_000_000)), "{long}");
    }
}

#[test]
fn zohos_seconds_win_over_its_milliseconds() {
    for body in [
        r#"{"access_token": "a", "expires_in_sec": 3600, "expires_in": 3600000}"#,
        r#"{"access_token": "a", "expires_in": 3600000, "expires_in_sec": "3600"}"#,
        r#"{"access_token": "a", "expires_in": 3600}"#,
        r#"{"access_token": "a", "expires_in": 3600, "expires_in_sec": null}"#,
    ] {
        let token = response(body).unwrap();
        assert_eq!(token.expiry_time(), Some(RECEIVED + Duration::from_secs(3600)), "{body}");
        assert_eq!(token.extras().count(), 0, "{body}");
    }
}

#[test]
fn an_error_is_an_error_whatever_stands_beside_it() {
    for body in [
        r#"{"error": "invalid_code"}"#,
        r#"{"error": "invalid_code", "error_description": "x"}"#,
        r#"{"access_token": "a", "expires_in": 3600, "error": "invalid_code"}"#,
        r#"{"error": "invalid_code", "access_token": "a"}"#,
    ] {
        assert_eq!(response(body).unwrap_err().oauth_error(), Some("invalid_code"), "{body}");
    }
    for odd in ["true", "7", "{}", r#"{"code": "invalid_code"}"#, "[]"] {
        let body = format!(r#"{{"access_token": "a", "error": {odd}}}"#);
        assert_eq!(response(&body).unwrap_err().oauth_error(), None, "{odd}");
    }
    assert!(response(r#"{"access_token": "a", "error": null}"#).is_ok());
    assert!(response(r#"{"access_token": "a", "error": ""}"#).is_ok());
}

#[test]
fn an_unusual_error_code_is_not_repeated() {
    let long = "a".repeat(65);
    for code in ["Invalid", "1000.token", "a b", "\u{e9}", "a-b", &long] {
        let body = format!(r#"{{"error": "{code}"}}"#);
        let error = response(&body).unwrap_err();
        assert_eq!(error.oauth_error(), None);
        assert!(!format!("{error} {error:?}").contains(code), "{code}");
    }
    let object = response(r#"{"error": {"code": 7}}"#).unwrap_err();
    assert_eq!(object.oauth_error(), None);
}

#[test]
fn a_body_without_an_access_token_is_no_token_response() {
    for body in [
        "{}",
        r#"{"refresh_token": "r"}"#,
        r#"{"access_token": ""}"#,
        r#"{"access_token": null}"#,
        r#"{"Access_Token": "a"}"#,
    ] {
        let error = response(body).unwrap_err();
        assert_eq!(error.oauth_error(), None, "{body}");
        assert!(error.to_string().contains("no access token"), "{error}");
    }
}

#[test]
fn a_body_that_is_no_object_is_told_without_showing_it() {
    for body in [
        "",
        "null",
        "canary",
        "[\"canary\"]",
        "\"canary\"",
        "<p>canary</p>",
        "{\"canary\": ",
        "access_token=canary",
    ] {
        let error = response(body).unwrap_err();
        assert!(error.to_string().contains("not a JSON object"), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn whatever_else_is_sent_becomes_an_extra_of_its_json_text() {
    let token = response(
        r#"{"access_token": "a", "instance_url": "https://eu.example.com", "issued_at": 1278448832702,
            "nested": {"a": [1, "x", null]}, "flag": true, "nothing": null, "empty": ""}"#,
    )
    .unwrap();
    let expected = [
        ("flag", "true"),
        ("instance_url", "https://eu.example.com"),
        ("issued_at", "1278448832702"),
        ("nested", r#"{"a": [1, "x", null]}"#),
    ];
    assert_eq!(token.extras().collect::<Vec<_>>(), expected);
}

/// Salesforce sends an `id`; and no token endpoint has a say in whose token it is or which client's.
#[test]
fn a_response_sets_no_field_that_is_not_its_own() {
    let body = r#"{"access_token": "a", "id": "https://login.example.com/id/1", "user_name": "mallory",
        "client_id": "2000", "client_secret": "s", "grant_token": "g", "redirect_url": "x",
        "expiry_time": "1", "schema": "2", "save": "x", "": "x"}"#;
    assert_eq!(response(body).unwrap(), built(token().access_token("a")));
    let asked = token().user_name("bob").client_id("1000").id("7");
    let token = built(asked.clone().token_response_at(body, RECEIVED).unwrap());
    assert_eq!(token, built(asked.access_token("a")));
}

#[test]
fn what_a_response_leaves_out_stays_but_for_the_expiry() {
    let asked = || token().user_name("bob").refresh_token("r").scope("all").api_domain("https://d");
    let before = asked().access_token("a-1").expiry_time(RECEIVED).extra("x", "1");
    let after = before.token_response_at(r#"{"access_token": "a-2", "scope": ""}"#, RECEIVED);
    assert_eq!(built(after.unwrap()), built(asked().access_token("a-2").extra("x", "1")));
}

#[test]
fn a_nul_in_a_response_is_refused_when_the_token_is_built() {
    for body in [
        r#"{"access_token": "a\u0000"}"#,
        r#"{"access_token": "a", "x": "\u0000"}"#,
        r#"{"access_token": "a", "x\u0000": "y"}"#,
    ] {
        let builder = OAuthToken::from_token_response(body).unwrap();
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Invalid, "{body}");
    }
}

#[test]
fn a_huge_response_is_taken_as_it_is() {
    let long = "x".repeat(1_000_000);
    let body = format!(r#"{{"access_token": "{long}", "x": {}1{}}}"#, "[".repeat(100), "]".repeat(100));
    assert_eq!(exposed(response(&body).unwrap().access_token()), Some(long.as_str()));
    let deep = format!(r#"{{"access_token": "a", "x": {}"#, "[".repeat(1_000_000));
    assert!(response(&deep).is_err());
}

#[test]
fn a_response_over_a_found_token_gives_what_is_new() {
    let stored = found(token().user_name("bob").refresh_token("r").access_token("a-1").expiry_time(RECEIVED));
    let same = stored.to_builder().token_response_at(r#"{"access_token": "a-1"}"#, RECEIVED);
    assert_eq!(built(same.unwrap()).merge_into(&stored), None);
    let new = stored.to_builder().token_response_at(r#"{"access_token": "a-2"}"#, RECEIVED);
    let merged = built(new.unwrap()).merge_into(&stored).unwrap();
    assert_eq!(merged, built(token().user_name("bob").refresh_token("r").access_token("a-2")));
}

#[test]
fn a_lifetime_from_now_ends_in_the_future() {
    let before = SystemTime::now();
    let token = OAuthToken::from_token_response(r#"{"access_token": "a", "expires_in": 60}"#).unwrap();
    let expiry = built(token).expiry_time().unwrap();
    assert!(expiry + Duration::from_millis(1) > before + Duration::from_secs(60));
    assert!(expiry <= SystemTime::now() + Duration::from_secs(60));
}

/// A good stored token must not be replaced by what is no token.
#[test]
fn a_token_that_is_no_text_counts_as_absent() {
    for odd in ["false", "{}", "[]", "7", r#""\ud800""#] {
        let body =
            format!(r#"{{"access_token":"a","refresh_token":{odd},"token_type":{odd},"api_domain":{odd}}}"#);
        let token = OAuthToken::from_token_response(&body).unwrap().build().unwrap();
        assert!(token.refresh_token().is_none(), "{odd}");
        assert_eq!((token.token_type(), token.api_domain()), (None, None), "{odd}");
        let body = format!(r#"{{"access_token":{odd}}}"#);
        let error = OAuthToken::from_token_response(&body).unwrap_err();
        assert!(error.to_string().contains("holds no access token"), "{odd}: {error}");
    }
}

#[test]
fn a_scope_may_be_an_array() {
    let body = r#"{"access_token":"a","scope":["read","write"]}"#;
    let token = OAuthToken::from_token_response(body).unwrap().build().unwrap();
    assert_eq!(token.scope(), Some("read write"));
}

/// The grant is spent by then: a good token is not thrown away for an odd member beside it.
#[test]
fn an_odd_member_does_not_cost_the_token() {
    for body in [
        r#"{"access_token":"a","x":"\ud800"}"#,
        "\u{feff}{\"access_token\":\"a\"}",
        r#"{"access_token":"a","error":false}"#,
        r#"{"access_token":"a","error":null}"#,
        r#"{"access_token":"a","error":""}"#,
        r#"{"access_token":"a","expires_in":"soon"}"#,
    ] {
        let token = OAuthToken::from_token_response(body).expect(body).build().expect(body);
        assert!(token.access_token().is_some(), "{body}");
        assert_eq!((token.extra("x"), token.expiry_time()), (None, None), "{body}");
    }
}

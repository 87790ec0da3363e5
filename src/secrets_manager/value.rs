//! The secret's value, schema 1: one flat JSON object of strings.

use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use uuid::Uuid;

use crate::contract::{
    Extra, Field, Fields, Member, OAuthToken, TokenId, Written, epoch_millis, from_epoch_millis,
    parse_object, write_object,
};

/// The largest value that Secrets Manager takes, in bytes.
pub(super) const MAX_BYTES: usize = 65_536;

const SCHEMA: &str = "1";

/// Why a value is no token. It quotes nothing of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Corruption {
    NotAnObject,
    UnknownSchema,
    Malformed(&'static str),
}

impl Corruption {
    pub(super) fn message(&self) -> String {
        match self {
            Self::NotAnObject => "the secret's value is not a JSON object of strings".into(),
            Self::UnknownSchema => "the secret's value is not of schema 1".into(),
            Self::Malformed(key) => format!("`{key}` in the secret's value is malformed"),
        }
    }
}

/// Writes a record's value. Each call gives it a new `save` key, so no two saves have the same content.
pub(super) fn encode(token: &OAuthToken) -> Zeroizing<String> {
    let fields = token.fields();
    let own_id = token.id().filter(|id| !id.is_store_assigned()).map(TokenId::as_str);
    let expiry_time = fields.expiry_time().map(|instant| epoch_millis(instant).to_string());
    let save = Uuid::new_v4().simple().to_string();
    let texts = Field::ALL.iter().filter_map(|field| fields.text(*field).map(|text| (field.name(), text)));
    let extras = fields.extras().iter().map(|(name, extra)| match extra {
        Extra::Text(text) => (name.as_str(), Written::Text(text.expose_secret())),
        Extra::Json(json) => (name.as_str(), Written::Json(json.expose_secret())),
    });
    let members = std::iter::once(("schema", SCHEMA))
        .chain(own_id.map(|id| ("id", id)))
        .chain(texts)
        .chain(expiry_time.as_deref().map(|millis| ("expiry_time", millis)))
        .map(|(name, text)| (name, Written::Text(text)))
        .chain(extras)
        .chain(std::iter::once(("save", Written::Text(save.as_str()))));
    write_object(members)
}

/// Reads a record's value.
pub(super) fn decode(value: &str) -> Result<Fields, Corruption> {
    let mut fields = Fields::default();
    let mut schema_is_known = false;
    for (name, member) in parse_object(value).ok_or(Corruption::NotAnObject)? {
        if let Some(field) = Field::by_name(&name) {
            fields.set(field, text(member, field.name())?);
            continue;
        }
        match name.as_str() {
            "schema" => schema_is_known = text(member, "schema")?.expose_secret() == SCHEMA,
            "save" => drop(text(member, "save")?),
            // Only ids of the application's own stand in a value.
            "id" => {
                let id = text(member, "id")?;
                if !id.expose_secret().is_empty() {
                    let id = TokenId::new(id.expose_secret()).map_err(|_| Corruption::Malformed("id"))?;
                    fields.id = Some(id).filter(|id| !id.is_store_assigned());
                }
            }
            "expiry_time" => fields.set_expiry_time(instant(&text(member, "expiry_time")?)?),
            _ => {
                let extra = match member {
                    // Absent as text, but kept as it stands.
                    Member::Text(text) if text.expose_secret().is_empty() => Extra::Json("\"\"".into()),
                    Member::Text(text) => Extra::Text(text),
                    Member::Json(json) => Extra::Json(json.to_owned().into()),
                };
                fields.set_extra(name, extra);
            }
        }
    }
    if !schema_is_known {
        return Err(Corruption::UnknownSchema);
    }
    match fields.holding_nul() {
        Some(name) => Err(Corruption::Malformed(name)),
        None => Ok(fields),
    }
}

fn text(member: Member<'_>, name: &'static str) -> Result<SecretString, Corruption> {
    match member {
        Member::Text(text) => Ok(text),
        Member::Json(_) => Err(Corruption::Malformed(name)),
    }
}

fn instant(millis: &SecretString) -> Result<Option<std::time::SystemTime>, Corruption> {
    let millis = millis.expose_secret();
    if millis.is_empty() {
        return Ok(None);
    }
    let instant = millis.parse().ok().and_then(from_epoch_millis);
    instant.map(Some).ok_or(Corruption::Malformed("expiry_time"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn full() -> OAuthToken {
        OAuthToken::builder()
            .id("own \u{1F511}")
            .user_name("Jos\u{e9}")
            .client_id("c")
            .client_secret("\"quoted\"")
            .refresh_token("r\n")
            .access_token("a")
            .grant_token("g")
            .expiry_time(SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_999))
            .redirect_url("https://example.com/cb")
            .api_domain("https://api.example.com")
            .scope("a b")
            .token_type("Bearer")
            .extra("instance_url", "https://i.example.com")
            .build()
            .expect("valid")
    }

    #[test]
    fn a_value_is_flat_json_in_the_documented_order() {
        let value = encode(&full());
        let (before, save) = value.split_once(",\"save\":\"").expect("a save key");
        assert_eq!(
            before,
            "{\"schema\":\"1\",\"id\":\"own \u{1F511}\",\"user_name\":\"Jos\u{e9}\",\"client_id\":\"c\",\
             \"client_secret\":\"\\\"quoted\\\"\",\"refresh_token\":\"r\\n\",\"access_token\":\"a\",\
             \"grant_token\":\"g\",\"redirect_url\":\"https://example.com/cb\",\
             \"api_domain\":\"https://api.example.com\",\"scope\":\"a b\",\"token_type\":\"Bearer\",\
             \"expiry_time\":\"1700000000123\",\"instance_url\":\"https://i.example.com\""
        );
        assert_eq!(save.len(), 34);
    }

    #[test]
    fn what_is_encoded_is_decoded_and_each_save_differs() {
        let token = full();
        let (one, two) = (encode(&token), encode(&token));
        assert_ne!(*one, *two);
        assert!(decode(&one) == decode(&two));
        assert!(decode(&one).is_ok_and(|fields| fields == **token.fields()));
    }

    #[test]
    fn unknown_members_survive_as_they_were_written() {
        let fields = decode(
            r#"{"schema":"1","access_token":"a","e":"","n":1.50,"o":{"x": [null]},"t":"text","z":null}"#,
        );
        let again = encode(&OAuthToken::stored(fields.expect("valid"), None));
        assert!(again.contains(r#""e":"","n":1.50,"o":{"x": [null]},"t":"text","z":null"#), "{}", *again);
    }

    #[test]
    fn text_in_the_place_of_json_that_reads_the_same_is_a_change() {
        let fields = decode(r#"{"schema":"1","access_token":"a","n":1.50}"#).expect("valid");
        let stored = OAuthToken::stored(fields, None);
        let given = OAuthToken::builder().extra("n", "1.50").build().expect("valid");
        let merged = given.merge_into(&stored).expect("it is no number any more");
        assert!(encode(&merged).contains(r#""n":"1.50""#));
    }

    #[test]
    fn an_empty_text_in_a_value_is_absent() {
        let value = r#"{"schema":"1","id":"","user_name":"","access_token":"a","expiry_time":""}"#;
        let token = OAuthToken::builder().access_token("a").build().expect("valid");
        assert!(decode(value).is_ok_and(|fields| fields == **token.fields()));
    }

    #[test]
    fn a_store_assigned_id_is_neither_written_nor_read() {
        let id = "u_52rqhupjinfczuwzz6qnyv2s6a";
        let token = OAuthToken::builder().id(id).access_token("a").build().expect("valid");
        assert!(!encode(&token).contains(id));
        let fields = decode(&format!(r#"{{"schema":"1","id":"{id}","access_token":"a"}}"#)).expect("valid");
        assert!(fields.id.is_none());
    }

    #[test]
    fn what_is_no_token_is_told_apart_and_never_quoted() {
        for (value, corruption) in [
            ("", Corruption::NotAnObject),
            ("[]", Corruption::NotAnObject),
            ("hunter2", Corruption::NotAnObject),
            ("{}", Corruption::UnknownSchema),
            (r#"{"schema":"2"}"#, Corruption::UnknownSchema),
            (r#"{"schema":1}"#, Corruption::Malformed("schema")),
            (r#"{"schema":"1","user_name":7}"#, Corruption::Malformed("user_name")),
            (r#"{"schema":"1","refresh_token":null}"#, Corruption::Malformed("refresh_token")),
            (r#"{"schema":"1","id":{}}"#, Corruption::Malformed("id")),
            (r#"{"schema":"1","id":"a\u0000"}"#, Corruption::Malformed("id")),
            (r#"{"schema":"1","save":[]}"#, Corruption::Malformed("save")),
            (r#"{"schema":"1","expiry_time":"soon"}"#, Corruption::Malformed("expiry_time")),
            (r#"{"schema":"1","expiry_time":"9223372036854775808"}"#, Corruption::Malformed("expiry_time")),
            (r#"{"schema":"1","access_token":"a\u0000"}"#, Corruption::Malformed("access_token")),
        ] {
            match decode(value) {
                Err(found) => assert_eq!(found, corruption, "{value}"),
                Ok(_) => panic!("decoded {value}"),
            }
        }
        for (corruption, part) in [
            (Corruption::NotAnObject, "not a JSON object"),
            (Corruption::UnknownSchema, "not of schema 1"),
            (Corruption::Malformed("expiry_time"), "`expiry_time`"),
        ] {
            assert!(corruption.message().contains(part), "{}", corruption.message());
        }
    }
}

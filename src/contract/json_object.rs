//! A JSON object's members one by one, with everything that is no string kept as it stands.
//!
//! Used for token responses and for stored values. Nothing from the text gets into an error.

use std::collections::BTreeMap;

use secrecy::{SecretString, zeroize::Zeroizing};
use serde_json::value::RawValue;

/// The value of one member.
pub(crate) enum Member<'a> {
    Text(SecretString),
    /// JSON that is not a string, or a string that is not valid Unicode, as it was written.
    Json(&'a str),
}

/// Reads an object; `None` if the text is not one. Of members with the same name the last one counts.
pub(crate) fn parse_object(text: &str) -> Option<Vec<(String, Member<'_>)>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let members = members.into_iter().map(|(name, raw)| match serde_json::from_str::<String>(raw.get()) {
        Ok(text) => (name, Member::Text(text.into())),
        Err(_) => (name, Member::Json(raw.get())),
    });
    Some(members.collect())
}

/// Writes an object, its members in the order given; the text is wiped when dropped.
pub(crate) fn write_object<'a>(
    members: impl IntoIterator<Item = (&'a str, Written<'a>)>,
) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push('{');
    for (name, value) in members {
        if text.len() > 1 {
            text.push(',');
        }
        push_string(&mut text, name);
        text.push(':');
        match value {
            Written::Text(value) => push_string(&mut text, value),
            Written::Json(raw) => text.push_str(raw),
        }
    }
    text.push('}');
    text
}

/// What [`write_object`] writes for a member.
pub(crate) enum Written<'a> {
    Text(&'a str),
    Json(&'a str),
}

fn push_string(text: &mut String, value: &str) {
    // Serialising a `&str` into memory cannot fail.
    let escaped = Zeroizing::new(serde_json::to_string(value).unwrap_or_default());
    text.push_str(&escaped);
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = write_object([
            ("a\"b", Written::Text("line\nbreak \u{1F512} \\")),
            ("n", Written::Json("1.50")),
            ("o", Written::Json(r#"{"x": [null]}"#)),
        ]);
        let members = parse_object(&text).expect("an object");
        let shown: Vec<_> = members
            .iter()
            .map(|(name, member)| match member {
                Member::Text(value) => format!("{name}={}", value.expose_secret()),
                Member::Json(raw) => format!("{name}:{raw}"),
            })
            .collect();
        assert_eq!(shown, ["a\"b=line\nbreak \u{1F512} \\", "n:1.50", r#"o:{"x": [null]}"#]);
    }

    #[test]
    fn only_an_object_is_an_object() {
        for text in ["", "null", "[]", "\"a\"", "{", "{\"a\":}", "{\"a\":1} x", "{1:2}"] {
            assert!(parse_object(text).is_none(), "{text}");
        }
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let members = parse_object(r#"{"a":"1","a":"2"}"#).expect("an object");
        assert!(matches!(&members[..], [(_, Member::Text(value))] if value.expose_secret() == "2"));
    }
}

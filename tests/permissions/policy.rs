//! IAM policies, evaluated: as much of them as the policies of this repository use. What is beyond that is an error, not a
//! guess.
//!
//! Rules: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use serde_json::{Map, Value};

use crate::access::Access;

/// Statements, of one policy or of several that are attached to one role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    denies: bool,
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    operator: Operator,
    pub(crate) key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    StringEquals,
    StringLike,
}

/// The condition keys that the tests know the value of in each request.
const KNOWN_KEYS: [&str; 2] = ["kms:ViaService", "kms:EncryptionContext:SecretARN"];

impl Policy {
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        let policy: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let policy = members(&policy, &["Version", "Statement"])?;
        if policy.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
            return Err("the version of the language is not the current one".to_owned());
        }
        let statements = policy.get("Statement").and_then(Value::as_array).ok_or("no list of statements")?;
        Ok(Self { statements: statements.iter().map(Statement::parse).collect::<Result<_, _>>()? })
    }

    /// Allowed by one statement and denied by none.
    pub(crate) fn allows(&self, access: &Access) -> bool {
        let mut matching = self.statements.iter().filter(|statement| statement.matches(access)).peekable();
        matching.peek().is_some() && matching.all(|statement| !statement.denies)
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }

    /// Every action that is named, in the order of the policy.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &String> {
        self.statements.iter().flat_map(|statement| &statement.actions)
    }

    pub(crate) fn without_action(&self, action: &str) -> Self {
        let mut policy = self.clone();
        for statement in &mut policy.statements {
            statement.actions.retain(|other| other != action);
        }
        policy
    }
}

impl Statement {
    fn parse(statement: &Value) -> Result<Self, String> {
        let statement = members(statement, &["Sid", "Effect", "Action", "Resource", "Condition"])?;
        let texts = |member: &str| texts(statement.get(member).ok_or_else(|| format!("no {member}"))?);
        let mut conditions = Vec::new();
        if let Some(by_operator) = statement.get("Condition") {
            for (operator, by_key) in by_operator.as_object().ok_or("the condition is no object")? {
                let operator = match operator.as_str() {
                    "StringEquals" => Operator::StringEquals,
                    "StringLike" => Operator::StringLike,
                    unknown => return Err(format!("the operator {unknown} is not known")),
                };
                for (key, values) in by_key.as_object().ok_or("the operator has no keys")? {
                    if !KNOWN_KEYS.contains(&key.as_str()) {
                        return Err(format!("the condition key {key} is not known"));
                    }
                    let values = self::texts(values)?;
                    conditions.push(Condition { operator, key: key.clone(), values });
                }
            }
        }
        Ok(Self {
            denies: match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") => false,
                Some("Deny") => true,
                _ => return Err("no effect".to_owned()),
            },
            actions: texts("Action")?,
            resources: texts("Resource")?,
            conditions,
        })
    }

    fn matches(&self, access: &Access) -> bool {
        let action = access.action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| is_like(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| is_like(pattern, &access.resource))
            && self.conditions.iter().all(|condition| condition.holds(access))
    }
}

impl Condition {
    /// One value for a key that the request doesn't have is no match.
    fn holds(&self, access: &Access) -> bool {
        let Some(given) = access.context.get(&self.key) else {
            return false;
        };
        let matches = |pattern: &String, value: &String| match self.operator {
            Operator::StringEquals => pattern == value,
            Operator::StringLike => is_like(pattern, value),
        };
        given.iter().any(|value| self.values.iter().any(|pattern| matches(pattern, value)))
    }
}

/// `*` stands for any characters, `/` and `:` included, and `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.as_bytes().first() {
        None => text.is_empty(),
        Some(b'*') => {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|rest| is_like(&pattern[1..], rest)))
        }
        Some(b'?') => text.chars().next().is_some_and(|c| is_like(&pattern[1..], &text[c.len_utf8()..])),
        Some(_) => {
            let first = pattern.chars().next().map_or(0, char::len_utf8);
            text.strip_prefix(&pattern[..first]).is_some_and(|rest| is_like(&pattern[first..], rest))
        }
    }
}

/// An object with no other members than these.
fn members<'a>(value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let members = value.as_object().ok_or("no object")?;
    match members.keys().find(|member| !known.contains(&member.as_str())) {
        Some(unknown) => Err(format!("the element {unknown} is not known")),
        None => Ok(members),
    }
}

/// A text or a list of texts, none of which has a policy variable in it.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    let text = |value: &Value| match value.as_str() {
        Some(text) if text.contains("${") => Err(format!("policy variables are not known: {text}")),
        Some(text) => Ok(text.to_owned()),
        None => Err("no text".to_owned()),
    };
    values.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statements: &str) -> Result<Policy, String> {
        Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#))
    }

    const ALLOW: &str =
        r#"{"Sid": "A", "Effect": "Allow", "Action": ["s:Get*", "s:P?t"], "Resource": "arn:s:a/*"}"#;

    #[test]
    fn wildcards_stand_for_any_characters_or_one() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a/*", "a/b/c:d", true),
            ("a/*", "a/", true),
            ("a/*", "a", false),
            ("a/*", "ab/c", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcdef", false),
            ("a?c", "abc", true),
            ("a?c", "a\u{e9}c", true),
            ("a?c", "ac", false),
            ("A", "a", false),
        ] {
            assert_eq!(is_like(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn what_no_statement_allows_is_refused() {
        let policy = policy(ALLOW).expect("valid");
        for (action, resource, allowed) in [
            ("s:GetValue", "arn:s:a/b", true),
            ("S:getvalue", "arn:s:a/b", true),
            ("s:Put", "arn:s:a/b", true),
            ("s:Post", "arn:s:a/b", false),
            ("s:GetValue", "arn:s:ab", false),
            ("s:GetValue", "ARN:s:a/b", false),
            ("s:GetValue", "*", false),
        ] {
            assert_eq!(policy.allows(&Access::new(action, resource)), allowed, "{action} {resource}");
        }
    }

    #[test]
    fn a_denial_outdoes_what_is_allowed() {
        let deny = r#"{"Sid": "D", "Effect": "Deny", "Action": "s:GetValue", "Resource": "*"}"#;
        for statements in [format!("{ALLOW}, {deny}"), format!("{deny}, {ALLOW}")] {
            let policy = policy(&statements).expect("valid");
            assert!(!policy.allows(&Access::new("s:GetValue", "arn:s:a/b")));
            assert!(policy.allows(&Access::new("s:Get", "arn:s:a/b")));
        }
    }

    #[test]
    fn every_condition_has_to_hold_and_an_absent_key_does_not() {
        let policy = policy(
            r#"{"Sid": "K", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {
                "StringEquals": {"kms:ViaService": ["x", "s*"]},
                "StringLike": {"kms:EncryptionContext:SecretARN": "arn:*"}}}"#,
        )
        .expect("valid");
        let access = |context: &[(&str, &str)]| {
            let access = Access::new("kms:Decrypt", "k");
            context.iter().fold(access, |access, (key, value)| access.with(*key, *value))
        };
        let (via, secret) = ("kms:ViaService", "kms:EncryptionContext:SecretARN");
        for (context, allowed) in [
            (&[(via, "x"), (secret, "arn:s")][..], true),
            (&[(via, "s*"), (secret, "arn:s")], true),
            (&[(via, "s3"), (secret, "arn:s")], false),
            (&[(via, "x"), (secret, "s")], false),
            (&[(via, "x")], false),
            (&[(secret, "arn:s")], false),
            (&[], false),
        ] {
            assert_eq!(policy.allows(&access(context)), allowed, "{context:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for (statement, complaint) in [
            (r#""NotAction": "s:Get", "Resource": "*""#, "NotAction"),
            (r#""Action": "s:Get", "NotResource": "*""#, "NotResource"),
            (r#""Action": "s:Get""#, "no Resource"),
            (r#""Action": 1, "Resource": "*""#, "no text"),
            (r#""Action": "s:Get", "Resource": "arn:${aws:username}""#, "policy variables"),
            (
                r#""Action": "s:Get", "Resource": "*", "Condition": {"ArnLike": {"kms:ViaService": "x"}}"#,
                "ArnLike",
            ),
            (
                r#""Action": "s:Get", "Resource": "*", "Condition": {"StringLike": {"aws:SourceIp": "x"}}"#,
                "aws:SourceIp",
            ),
        ] {
            let error = policy(&format!(r#"{{"Sid": "X", "Effect": "Allow", {statement}}}"#));
            let error = error.expect_err(statement);
            assert!(error.contains(complaint), "{error}");
        }
        assert!(policy(r#"{"Sid": "X", "Action": "s:Get", "Resource": "*"}"#).is_err());
        assert!(Policy::parse(r#"{"Version": "2008-10-17", "Statement": []}"#).is_err());
    }
}

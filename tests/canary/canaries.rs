//! The values that must not come out, and the forms in which they could.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};

pub(crate) const USER: &str = "quoll.vexm\u{f6}r+crm@hopwick-zyx.test";
pub(crate) const OWN_ID: &str = "own~kjurmp/7742#\"ziggot\"-wq";
pub(crate) const CLIENT_ID: &str = "1000.PLOVYQ<8>mundrakhazyx";
pub(crate) const CLIENT_SECRET: &str = "shh\\Wombat\"tzk<Yplmr>94$ov";
pub(crate) const REFRESH: &str = "1000.rfQ7\"jux/Knorv+Lmt~w8zq\\h";
pub(crate) const ACCESS: &str = "ya29.Xq7\"kW\\tR+vZr/8Tq~Jx=yNs";
pub(crate) const GRANT: &str = "4/0AVhgmoq\"Xk_lnwPy\\tJu-zRoh";
pub(crate) const REDIRECT_URL: &str = "zgrunt.crm://wq.test/cb?u=wyxol%40jump";
pub(crate) const API_DOMAIN: &str = "trq-api://tromvik-yw.test/xjoop";
pub(crate) const SCOPE: &str = "Zmodules.wxkipp.READ,zVolkyn.UPDATE";
pub(crate) const TOKEN_TYPE: &str = "Bzearer-kwimpologx";
pub(crate) const EXTRA_NAME: &str = "zkinst_wurlq_\"gnompf\"";
pub(crate) const EXTRA: &str = "vrax\u{f6}n\\yttrium\"klmzwpog<&>";
/// In what the application's own code says: the text of its errors.
pub(crate) const APPLICATION: &str = "app-says:\"ghurkwy\"\\plostmqz";
/// AWS's messages name the role session, and so a person.
pub(crate) const ROLE_SESSION: &str = "jorvyx.humbleq@wrolesession-zk.test";
pub(crate) const AWS_SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzkW";
pub(crate) const AWS_SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEKr//wzghymoLKwr+tuv";

/// What is nobody's business, by the name that a failure gives it.
const SECRETS: &[(&str, &str)] = &[
    ("user name", USER),
    ("own id", OWN_ID),
    ("client id", CLIENT_ID),
    ("client secret", CLIENT_SECRET),
    ("refresh token", REFRESH),
    ("access token", ACCESS),
    ("grant token", GRANT),
    ("redirect URL", REDIRECT_URL),
    ("API domain", API_DOMAIN),
    ("scope", SCOPE),
    ("token type", TOKEN_TYPE),
    ("extra's name", EXTRA_NAME),
    ("extra", EXTRA),
    ("application's text", APPLICATION),
    ("AWS secret key", AWS_SECRET_KEY),
    ("AWS session token", AWS_SESSION_TOKEN),
];

/// What the SDK logs by itself at TRACE, and this library never shows.
const OF_AWS: &[(&str, &str)] = &[("role session", ROLE_SESSION)];

/// How a piece of a value is written, and how many bytes the piece has: so that a longer text, encoded as a whole, has
/// some piece in it wherever the value begins.
type Form = (&'static str, usize, fn(&[u8]) -> Option<String>);

/// Upper and lower case are found alike, and white space does not count.
pub(crate) const FORMS: &[Form] = &[
    ("as it is", 8, |piece| text(piece).map(str::to_owned)),
    ("in JSON", 8, |piece| text(piece).map(json)),
    ("in JSON in JSON", 8, |piece| text(piece).map(|text| json(&json(text)))),
    ("in Debug", 8, |piece| text(piece).map(|text| text.escape_debug().to_string())),
    ("in Debug in Debug", 8, |piece| {
        text(piece).map(|text| text.escape_debug().to_string().escape_debug().to_string())
    }),
    ("in a byte string", 8, |piece| Some(piece.escape_ascii().to_string())),
    ("in bytes", 8, |piece| Some(piece.iter().map(|byte| format!("{byte},")).collect())),
    ("in a URL", 8, |piece| Some(piece.iter().map(|&byte| percent(byte)).collect())),
    ("in hexadecimal", 8, |piece| Some(HEXLOWER.encode(piece))),
    ("in Base64", 9, |piece| Some(BASE64_NOPAD.encode(piece))),
    ("in Base64 for URLs", 9, |piece| Some(BASE64URL_NOPAD.encode(piece))),
    ("in Base32", 10, |piece| Some(BASE32_NOPAD.encode(piece))),
];

/// Whole characters only.
fn text(piece: &[u8]) -> Option<&str> {
    std::str::from_utf8(piece).ok()
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("text");
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent(byte: u8) -> String {
    let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if unreserved { char::from(byte).into() } else { format!("%{byte:02X}") }
}

/// Finds any piece of some values, in any form.
pub(crate) struct Detector {
    pieces: AhoCorasick,
    /// Of each piece, the value's name and the form's.
    origins: Vec<(&'static str, &'static str)>,
}

/// Finds what may come out nowhere.
pub(crate) static SECRETS_ALONE: LazyLock<Detector> = LazyLock::new(|| Detector::new(SECRETS));
/// Finds that, and what only the SDK's own log at TRACE may show.
pub(crate) static EVERYTHING: LazyLock<Detector> =
    LazyLock::new(|| Detector::new(SECRETS.iter().chain(OF_AWS)));

impl Detector {
    fn new(values: impl IntoIterator<Item = &'static (&'static str, &'static str)>) -> Self {
        let mut pieces = BTreeMap::new();
        for (name, value) in values {
            for (form, length, write) in FORMS {
                for piece in value.as_bytes().windows(*length).filter_map(write) {
                    pieces.entry(piece.to_ascii_lowercase()).or_insert((*name, *form));
                }
            }
        }
        let (pieces, origins): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
        let pieces = AhoCorasick::builder().ascii_case_insensitive(true).build(pieces).expect("not too many");
        Self { pieces, origins }
    }

    /// What is in the text, and what stands around it.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        let mut text = text.as_bytes().to_vec();
        text.retain(|byte| !matches!(byte, b' ' | b'\n'));
        let found = self.pieces.find(&text)?;
        let (value, form) = self.origins[found.pattern().as_usize()];
        let around = found.start().saturating_sub(300)..text.len().min(found.end() + 100);
        Some(format!("the {value}, {form}: …{}…", String::from_utf8_lossy(&text[around])))
    }
}

#[track_caller]
pub(crate) fn assert_shows_nothing(what: &str, text: &str) {
    if let Some(leak) = EVERYTHING.find(text) {
        panic!("{what} shows {leak}");
    }
}

#[test]
fn every_value_is_found_in_every_form_wherever_it_begins() {
    for (name, value) in SECRETS.iter().chain(OF_AWS) {
        for (form, length, write) in FORMS {
            // The beginning alone, and the middle of a longer text encoded as a whole.
            let beginning = &value.as_bytes()[..value.ceil_char_boundary(*length)];
            let mut texts = vec![write(beginning)];
            texts.extend((0..5).map(|before| write(format!("{:before$}{value}!", "").as_bytes())));
            for text in texts {
                let text = text.expect("whole characters");
                for text in [text.to_ascii_uppercase(), text.to_ascii_lowercase(), text] {
                    // In another form too, which is found first where both look alike.
                    assert!(EVERYTHING.find(&format!("<{text}>")).is_some(), "{name} {form}: {text}");
                }
            }
        }
    }
}

/// Else a fingerprint, a UUID or a date could be taken for one by chance.
#[test]
fn no_value_looks_like_what_is_shown_rightly() {
    let rightly = "2026-11-22T01:29:50.123456Z TRACE aws_smithy_runtime::client::orchestrator: transmitting request \
                   52rqhupjinfczuwzz6qnyv2s6a d9ae17dd-6386-5eab-aa9a-1bb1bd39ea6e secretsmanager.us-east-1.amazonaws.com";
    assert_eq!(EVERYTHING.find(rightly), None);
    for (name, value) in SECRETS.iter().chain(OF_AWS) {
        for piece in value.as_bytes().windows(8) {
            assert!(!piece.iter().all(u8::is_ascii_hexdigit), "{name}: eight hexadecimal digits in a row");
        }
    }
}

//! What a behaviour is: a sentence, where AWS says so, and a function that shows it.

use std::fmt;
use std::pin::Pin;

use crate::service::Service;

/// Something that Secrets Manager does. It holds if `show` returns without a panic.
pub(crate) struct Behaviour {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) source: Source,
    pub(crate) runs: Runs,
    pub(crate) show: fn(Service) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl Behaviour {
    pub(crate) fn full_name(&self) -> String {
        format!("{}::{}", self.group, self.name)
    }
}

/// Where a behaviour can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// On the embedded backend, on LocalStack and on AWS.
    Everywhere,
    /// Not on AWS: too many writes for its quotas, or something that an account does not have.
    NotOnAws,
    /// On the embedded backend only, where days pass at once on tokio's paused clock.
    PausedClock,
}

/// Who says that AWS behaves so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// A page of the API reference, and the section or parameter on it.
    Api(&'static str, &'static str),
    /// A page of the user guide, and its section.
    Guide(&'static str, &'static str),
    /// A shape of the API model with a constraint on it: the reference prints it beside the parameter.
    Model(&'static str),
    /// An answer of AWS that LocalStack's own tests recorded, by the name of the test.
    Recorded(&'static str),
    /// Not documented; seen on AWS by others.
    Measured(&'static str),
    /// Not documented and not known to have been measured: the reading that fits the rest.
    Undocumented(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DOCUMENTATION: &str = "docs.aws.amazon.com/secretsmanager/latest";
        match self {
            Self::Api(page, section) => write!(f, "{DOCUMENTATION}/apireference/API_{page}.html: {section}"),
            Self::Guide(page, section) => write!(f, "{DOCUMENTATION}/userguide/{page}.html: {section}"),
            Self::Model(shape) => write!(f, "API model 2017-10-17: {shape}"),
            Self::Recorded(test) => write!(f, "recorded on AWS by LocalStack's {test}"),
            Self::Measured(by) => write!(f, "undocumented, measured: {by}"),
            Self::Undocumented(note) => write!(f, "undocumented: {note}"),
        }
    }
}

/// The table of a module's behaviours: a function, its source, and where it runs if that is not everywhere.
macro_rules! behaviours {
    (@runs) => { $crate::behaviour::Runs::Everywhere };
    (@runs $runs:ident) => { $crate::behaviour::Runs::$runs };
    ($group:ident: $($name:ident: $source:expr $(, on $runs:ident)?;)*) => {
        pub(super) const BEHAVIOURS: &[$crate::behaviour::Behaviour] = &[$(
            $crate::behaviour::Behaviour {
                group: stringify!($group),
                name: stringify!($name),
                source: $source,
                runs: behaviours!(@runs $($runs)?),
                show: |aws| Box::pin($name(aws)),
            },
        )*];
    };
}

pub(crate) use behaviours;

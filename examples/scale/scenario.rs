//! What is simulated, and what can be said of it on the command line.

use std::str::FromStr;

/// Times are in milliseconds since the simulation began.
pub(crate) type Millis = u64;

pub(crate) const SECOND: Millis = 1_000;

/// Declares the settings once: as fields, as defaults, and as options.
macro_rules! scenario {
    ($($name:ident: $type:ty = $default:expr, $help:literal;)*) => {
        #[derive(Clone, Debug)]
        pub(crate) struct Scenario {
            $(#[doc = $help] pub(crate) $name: $type,)*
        }

        impl Default for Scenario {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Scenario {
            fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = parsed(name, value)?,)*
                    _ => return Err(format!("there is no --{}", option(name))),
                }
                Ok(())
            }

            /// All options with their defaults.
            pub(crate) fn help() -> String {
                let standard = Self::default();
                let mut help = String::new();
                $(
                    let default = standard.$name.to_string();
                    help += &format!("  --{:<20} {default:<8} {}\n", option(stringify!($name)), $help);
                )*
                help
            }
        }
    };
}

scenario! {
    tokens: u32 = 100_000, "how many users have a token";
    instances: u32 = 100, "how many processes there are, each with a store and a cache of its own";
    rate: f64 = 1_000.0, "requests for a fresh token a second, of all instances together";
    zipf: f64 = 0.0, "how uneven the users are: the n-th most active one comes 1/n^zipf times as often; 0: all alike";
    unknown: f64 = 0.0, "the share of requests that are for users without a token";
    refresh_every: u64 = 3_600, "the life of an access token, in seconds";
    leeway: u64 = 60, "a token that is good for fewer seconds is refreshed";
    time_to_live: u64 = 300, "the store's setting, in seconds; 0: no cache";
    miss_time_to_live: u64 = 1, "the store's setting, in seconds";
    max_capacity: u64 = 10_000, "the store's setting";
    index_access_tokens: bool = true, "the store's setting: with it, each refresh writes a tag";
    recycle_after: u64 = 0, "the life of an instance in seconds, after which it has an empty cache; 0: for ever";
    list_every: u64 = 0, "an operator calls get_tokens every so many seconds; 0: never";
    latency: u64 = 10, "of a request to Secrets Manager, in milliseconds";
    exchange: u64 = 300, "how long the OAuth server takes, in milliseconds";
    enforce_quotas: bool = true, "whether what goes beyond AWS's quotas is throttled, or only counted";
    warm_up: u64 = 3_600, "seconds that are simulated before anything is counted";
    duration: u64 = 3_600, "seconds that are counted";
    seed: u64 = 1, "of all that is random";
}

impl Scenario {
    /// From `--name value --name value`.
    pub(crate) fn from_arguments(arguments: &[String]) -> Result<Self, String> {
        let mut scenario = Self::default();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("{} has no value", pair[0]));
            };
            let name = name.strip_prefix("--").ok_or_else(|| format!("{name} is no option"))?;
            scenario.set(&name.replace('-', "_"), value)?;
        }
        let is_sound = scenario.tokens > 0
            && scenario.instances > 0
            && scenario.rate > 0.0
            && scenario.duration > 0
            && scenario.refresh_every > scenario.leeway
            && (0.0..=1.0).contains(&scenario.unknown);
        if is_sound { Ok(scenario) } else { Err("these settings make no sense together".to_owned()) }
    }

    /// When the first request comes that does not count any more.
    pub(crate) fn end(&self) -> Millis {
        (self.warm_up + self.duration) * SECOND
    }
}

fn option(name: &str) -> String {
    name.replace('_', "-")
}

fn parsed<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("--{} can't be {value}", option(name)))
}

//! Zoho's data centres: where to refresh a token, given the `api_domain` that came with it.
//!
//! Each of Zoho's users belongs to one data centre, and each data centre has an accounts server of its own, which alone
//! knows its tokens. A token remembers its [`api_domain`](crate::OAuthToken::api_domain), and from that follows the
//! accounts server:
//!
//! ```
//! use oauth_token_store::{OAuthToken, zoho};
//!
//! let response = r#"{"access_token": "at", "refresh_token": "rt", "api_domain": "https://www.zohoapis.eu"}"#;
//! let token = OAuthToken::from_token_response(response)?.user_name("bob").build()?;
//!
//! let centre = token.api_domain().and_then(zoho::data_centre).ok_or("none of Zoho's API domains")?;
//! assert_eq!(centre.name(), "EU");
//! assert_eq!(centre.accounts_server(), "https://accounts.zoho.eu");
//! assert_eq!(centre.token_endpoint(), "https://accounts.zoho.eu/oauth/v2/token");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The client secret goes to the server that is found here. So nothing is derived from the domain: it is one of the
//! list, or it is none.
//!
//! ```
//! use oauth_token_store::zoho;
//!
//! assert_eq!(zoho::accounts_server("https://www.zohoapis.eu.evil.example"), None);
//! assert_eq!(zoho::accounts_server("http://www.zohoapis.eu"), None);
//! ```
//!
//! # Sources
//!
//! - The accounts servers of US, EU, IN, AU, JP, CA, SA and UK:
//!   [Zoho Accounts, Multi DC support](https://www.zoho.com/accounts/protocol/oauth/multi-dc.html), which points to
//!   [the live list](https://accounts.zoho.com/oauth/serverinfo).
//! - Accounts server and API domain together, of US, EU, IN, AU, JP, CN, CA and SA:
//!   [Bigin, Multi-DC support](https://www.bigin.com/developer/docs/apis/multi-dc.html).
//! - That `https://www.zohoapis.ae` belongs to `zoho.ae`, the United Arab Emirates:
//!   [Zoho WorkDrive, Multi DC support](https://www.zoho.com/workdrive/developer/docs/api/v1/getting-started-multi-dc-support.html).
//!
//! For UK's API domain and AE's accounts server no page of Zoho's was found, but many public clients agree on them, and
//! they follow the pattern of the others. A data centre that is not listed here needs an accounts server of your own
//! configuration: the `accounts-server` parameter that Zoho's login redirects with.

/// The path of the token endpoint on every accounts server.
const TOKEN_PATH: &str = "/oauth/v2/token";

const DATA_CENTRES: [DataCentre; 10] = [
    DataCentre::new("US", "https://www.zohoapis.com", "https://accounts.zoho.com"),
    DataCentre::new("EU", "https://www.zohoapis.eu", "https://accounts.zoho.eu"),
    DataCentre::new("IN", "https://www.zohoapis.in", "https://accounts.zoho.in"),
    DataCentre::new("AU", "https://www.zohoapis.com.au", "https://accounts.zoho.com.au"),
    DataCentre::new("JP", "https://www.zohoapis.jp", "https://accounts.zoho.jp"),
    DataCentre::new("CN", "https://www.zohoapis.com.cn", "https://accounts.zoho.com.cn"),
    // The one that breaks the pattern: `zohoapis.ca`, but `zohocloud.ca`.
    DataCentre::new("CA", "https://www.zohoapis.ca", "https://accounts.zohocloud.ca"),
    DataCentre::new("SA", "https://www.zohoapis.sa", "https://accounts.zoho.sa"),
    DataCentre::new("UK", "https://www.zohoapis.uk", "https://accounts.zoho.uk"),
    DataCentre::new("AE", "https://www.zohoapis.ae", "https://accounts.zoho.ae"),
];

/// One of Zoho's data centres.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataCentre {
    name: &'static str,
    api_domain: &'static str,
    accounts_server: &'static str,
}

impl DataCentre {
    const fn new(name: &'static str, api_domain: &'static str, accounts_server: &'static str) -> Self {
        Self { name, api_domain, accounts_server }
    }

    /// Its abbreviation, such as `EU`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The `api_domain` of its token responses, such as `https://www.zohoapis.eu`.
    #[must_use]
    pub const fn api_domain(&self) -> &'static str {
        self.api_domain
    }

    /// Where its users log in, such as `https://accounts.zoho.eu`.
    #[must_use]
    pub const fn accounts_server(&self) -> &'static str {
        self.accounts_server
    }

    /// Where its tokens are exchanged, such as `https://accounts.zoho.eu/oauth/v2/token`.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("{}{TOKEN_PATH}", self.accounts_server)
    }
}

/// All data centres known to this version.
pub fn data_centres() -> impl ExactSizeIterator<Item = DataCentre> {
    DATA_CENTRES.into_iter()
}

/// The data centre with this `api_domain`: whole, with `https://`, in any case, with or without a slash at its end.
#[must_use]
pub fn data_centre(api_domain: &str) -> Option<DataCentre> {
    let api_domain = api_domain.strip_suffix('/').unwrap_or(api_domain);
    data_centres().find(|centre| centre.api_domain.eq_ignore_ascii_case(api_domain))
}

/// The accounts server of the [data centre](data_centre) with this `api_domain`.
#[must_use]
pub fn accounts_server(api_domain: &str) -> Option<&'static str> {
    data_centre(api_domain).map(|centre| centre.accounts_server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_data_centre_is_found_by_its_api_domain_and_has_a_server_of_its_own() {
        for centre in data_centres() {
            assert_eq!(data_centre(centre.api_domain()), Some(centre));
            assert_eq!(accounts_server(centre.api_domain()), Some(centre.accounts_server()));
            assert!(centre.api_domain().starts_with("https://www.zohoapis."), "{centre:?}");
            assert!(centre.accounts_server().starts_with("https://accounts.zoho"), "{centre:?}");
            assert!(!centre.accounts_server().ends_with('/'), "{centre:?}");
            assert!(centre.token_endpoint().ends_with("/oauth/v2/token"), "{centre:?}");
        }
        for part in [DataCentre::name, DataCentre::api_domain, DataCentre::accounts_server] {
            assert_eq!(data_centres().map(|centre| part(&centre)).collect::<HashSet<_>>().len(), 10);
        }
    }

    #[test]
    fn a_slash_at_the_end_and_upper_case_are_tolerated() {
        for api_domain in ["https://www.zohoapis.ca/", "HTTPS://WWW.ZohoApis.CA", "https://WWW.ZOHOAPIS.CA/"]
        {
            assert_eq!(accounts_server(api_domain), Some("https://accounts.zohocloud.ca"), "{api_domain}");
        }
    }

    #[test]
    fn whatever_is_not_exactly_an_api_domain_has_no_server() {
        for api_domain in [
            "",
            "/",
            "EU",
            "www.zohoapis.eu",
            "http://www.zohoapis.eu",
            "https://zohoapis.eu",
            "https://www.zohoapis.eu.evil.example",
            "https://www.zohoapis.eu@evil.example",
            "https://evil.example/https://www.zohoapis.eu",
            "https://evil.example#https://www.zohoapis.eu",
            "https://user@www.zohoapis.eu",
            "https://www.zohoapis.eu:444",
            "https://www.zohoapis.eu.",
            "https://www.zohoapis.eu//",
            "https://www.zohoapis.eu/crm",
            "https://www.zohoapis.eu?",
            "https://www.zohoapis.eu\\",
            " https://www.zohoapis.eu",
            "https://www.zohoapis.eu\n",
            "https://www.zoho\u{0430}pis.eu",
            "https://sandbox.zohoapis.eu",
            "https://accounts.zoho.eu",
        ] {
            assert_eq!(accounts_server(api_domain), None, "{api_domain:?}");
        }
    }
}

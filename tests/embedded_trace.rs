//! What the SDK logs of the embedded backend's answers. A program of its own: which of its messages tracing wants is
//! decided for the whole process.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::io;
use std::sync::{Arc, Mutex};

use oauth_token_store::embedded::EmbeddedSecretsManager;
use tracing_subscriber::fmt::MakeWriter;

const SECRET: &str = "hunter2-the-secret";

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_value_is_logged_at_trace() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    let client = EmbeddedSecretsManager::new().client();
    client.create_secret().name("a").secret_string(SECRET).send().await.unwrap();
    client.put_secret_value().secret_id("a").secret_string(SECRET).send().await.unwrap();
    let found = client.get_secret_value().secret_id("a").send().await.unwrap();
    assert_eq!(found.secret_string(), Some(SECRET));
    client.batch_get_secret_value().secret_id_list("a").send().await.unwrap();

    let log = log.text();
    assert!(log.contains("received response from service"), "{log}");
    let leak = log.lines().find(|line| line.contains(SECRET));
    assert_eq!(leak, None);
}

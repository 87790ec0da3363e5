//! The service as a whole: set up, run, and ended so that nothing is lost.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use oauth_token_store::SecretsManagerTokenStore;
use oauth_token_store::secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::failure::Failure;
use crate::oauth::OAuthServer;
use crate::readiness::Readiness;
use crate::settings::Settings;
use crate::shutdown::asked_to_stop;
use crate::{http, reporting};

type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) struct App {
    pub(crate) store: SecretsManagerTokenStore,
    pub(crate) oauth: Arc<OAuthServer>,
    /// What a caller has to know.
    pub(crate) service_secret: SecretString,
    /// An access token that is good for less is refreshed.
    pub(crate) leeway: Duration,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: PrometheusHandle,
    under_way: TaskTracker,
}

impl App {
    /// Does it to its end even if the client hangs up, and before the process ends.
    pub(crate) async fn carry_out<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        // It ends without an outcome only if it panics.
        self.under_way.spawn(task).await.unwrap_or_else(|_| Err(Failure::internal()))
    }

    /// Does it to its end with nobody waiting for it, and before the process ends.
    pub(crate) fn carry_on(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.under_way.spawn(task);
    }
}

/// Serves until it is asked to stop, and then until what is under way has ended.
pub(crate) async fn run(settings: Settings) -> Result<(), BoxError> {
    let Settings { listen, service_secret, oauth, leeway, shutdown } = settings;
    // First of all: a process with the number 1 that handles no SIGTERM does not hear it.
    let asked_to_stop = asked_to_stop()?;
    let metrics = reporting::install()?;
    let app = Arc::new(App {
        store: SecretsManagerTokenStore::from_env().await?,
        oauth: Arc::new(OAuthServer::new(oauth)?),
        service_secret,
        leeway,
        readiness: Readiness::default(),
        metrics: metrics.clone(),
        under_way: TaskTracker::new(),
    });
    let listener = TcpListener::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");

    tokio::spawn(reporting::sort_in(metrics));
    tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.readiness.look(&app.store).await }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, http::router(Arc::clone(&app))).with_graceful_shutdown(async {
        // Also if there is nobody any more to ask for it.
        let _ = stopped.await;
    });
    let mut server = tokio::spawn(server.into_future());

    tokio::select! {
        ended = &mut server => return Ok(ended??),
        () = asked_to_stop => {}
    }
    tracing::info!("stopping");
    app.readiness.stop();
    let _ = stop.send(());
    let ended = timeout(shutdown, async {
        server.await??;
        app.under_way.close();
        app.under_way.wait().await;
        Ok::<_, BoxError>(())
    });
    ended.await.map_err(|_| "what was under way did not end in SHUTDOWN_SECONDS")??;
    tracing::info!("stopped");
    Ok(())
}

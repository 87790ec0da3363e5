//! A proxy in front of LocalStack that tells which requests pass, and loses answers: the one fault that the real thing
//! can't be made to show.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Passes requests on. To lose an answer, it lets the request be carried out, reads the answer, and hangs up.
pub(crate) struct LossyProxy {
    endpoint: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    upstream: String,
    operation: &'static str,
    to_lose: AtomicUsize,
    lost: AtomicUsize,
    requests: Mutex<Vec<String>>,
    under_way: Mutex<Vec<String>>,
    connections: watch::Sender<usize>,
}

impl LossyProxy {
    /// `operation` is the one whose answers can be lost, such as `PutSecretValue`.
    pub(crate) async fn before(endpoint: &str, operation: &'static str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State {
            upstream: endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            operation,
            to_lose: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            requests: Mutex::default(),
            under_way: Mutex::default(),
            connections: watch::Sender::new(0),
        });
        let accepting = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    state.connections.send_modify(|open| *open += 1);
                    let state = Arc::clone(&state);
                    tokio::spawn(async move {
                        Arc::clone(&state).serve(client).await;
                        state.connections.send_modify(|open| *open -= 1);
                    });
                }
            }
        });
        Ok(Self { endpoint: proxy, state, accepting })
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on so many answers are lost.
    pub(crate) fn lose_next_answers(&self, answers: usize) {
        self.state.to_lose.store(answers, Ordering::SeqCst);
    }

    /// How many answers have been lost.
    pub(crate) fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }

    /// The operations that were asked for and are not answered.
    pub(crate) fn under_way(&self) -> Vec<String> {
        self.state.under_way.lock().expect("no panic while locked").clone()
    }

    /// Takes no more connections, and waits for those there are to end: once their clients are dead, LocalStack has
    /// answered everything that they had sent.
    pub(crate) async fn drained(mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
        let mut connections = self.state.connections.subscribe();
        let _ = connections.wait_for(|open| *open == 0).await;
    }

    /// The operations asked for since the last call, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.requests())
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn requests(&self) -> MutexGuard<'_, Vec<String>> {
        self.requests.lock().expect("no panic while locked")
    }

    /// Serves a connection until either side hangs up, or an answer is lost.
    async fn serve(self: Arc<Self>, mut client: TcpStream) -> Option<()> {
        let mut server = TcpStream::connect(&self.upstream).await.ok()?;
        loop {
            let (head, request) = message(&mut client).await?;
            let target = header(&head, "x-amz-target:").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let is_lossy = operation == self.operation.to_ascii_lowercase();
            self.requests().push(operation.clone());
            let under_way = UnderWay::begin(&self.under_way, operation);
            server.write_all(&request).await.ok()?;
            let (_, answer) = message(&mut server).await?;
            let one_less = |left: usize| left.checked_sub(1);
            if is_lossy && self.to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                self.lost.fetch_add(1, Ordering::SeqCst);
                return None;
            }
            client.write_all(&answer).await.ok()?;
            drop(under_way);
        }
    }
}

/// A request that is not answered yet.
struct UnderWay<'a> {
    all: &'a Mutex<Vec<String>>,
    operation: String,
}

impl<'a> UnderWay<'a> {
    fn begin(all: &'a Mutex<Vec<String>>, operation: String) -> Self {
        all.lock().expect("no panic while locked").push(operation.clone());
        Self { all, operation }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().expect("no panic while locked");
        if let Some(one) = all.iter().position(|operation| *operation == self.operation) {
            all.swap_remove(one);
        }
    }
}

/// One HTTP/1.1 message with a Content-Length, as both sides here send: its head in lower case, and all of it.
async fn message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut more = async |bytes: &mut Vec<u8>| stream.read_buf(bytes).await.ok().filter(|read| *read > 0);
    let end_of_head = loop {
        more(&mut bytes).await?;
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end_of_head]).to_ascii_lowercase();
    let length: usize = header(&head, "content-length:").unwrap_or("0").parse().ok()?;
    while bytes.len() < end_of_head + 4 + length {
        more(&mut bytes).await?;
    }
    Some((head, bytes))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

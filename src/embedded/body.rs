//! Bodies: of requests, read to the end, and of answers, streamed.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_types::body::{self, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body of one chunk that the SDK can't see before it reads it: at the level TRACE it prints bodies that are
/// in memory, secret values and all.
struct OneChunk(Option<Bytes>);

impl Body for OneChunk {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |chunk| chunk.len() as u64))
    }
}

/// A streaming body with this content.
pub(super) fn streaming(content: impl Into<Bytes>) -> SdkBody {
    SdkBody::from_body_1_x(OneChunk(Some(content.into())))
}

/// Reads a request's body to the end.
///
/// The SDK watches that: a body that nobody reads is a stalled upload, which it breaks off after some seconds.
pub(super) async fn read(mut body: SdkBody) -> Result<Vec<u8>, body::Error> {
    let mut content = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            content.extend_from_slice(&data);
        }
    }
    Ok(content)
}

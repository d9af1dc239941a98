//! A connection that is given up when its peer takes nothing of what it asked for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream that fails when nothing can be written for some time. However slowly a peer reads, it is waited for as long
/// as it reads at all.
pub(crate) struct Stalling<S> {
    stream: S,
    time_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    pub(crate) const fn new(stream: S, time_max: Duration) -> Self {
        Self { stream, time_max, stalled: None }
    }

    fn wait<T>(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.stalled = None;
            return tried;
        }
        let time_max = self.time_max;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(time_max)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wait(cx, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wait(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.stream).poll_flush(cx);
        self.wait(cx, tried)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.wait(cx, tried)
    }
}

#[cfg(test)]
mod tests {
    use super::Stalling;
    use std::future::poll_fn;
    use std::io::ErrorKind;
    use std::pin::Pin;
    use std::time::Duration;
    use tokio::io::{AsyncRead as _, AsyncWrite, ReadBuf};
    use tokio::net::{TcpListener, TcpStream};

    /// More than any pair of sockets holds.
    const MUCH: usize = 64 << 20;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    async fn write(stream: &mut (impl AsyncWrite + Unpin), mut left: usize) -> Result<(), ErrorKind> {
        let bytes = vec![0; 64 << 10];
        while left > 0 {
            let written = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, &bytes)).await;
            left = left.saturating_sub(written.map_err(|error| error.kind())?);
        }
        Ok(())
    }

    #[tokio::test]
    async fn who_reads_nothing_is_given_up_and_who_reads_is_not() {
        let (reader, stream) = pair().await;
        let mut stream = Stalling::new(stream, Duration::from_millis(200));
        assert_eq!(write(&mut stream, MUCH).await, Err(ErrorKind::TimedOut));
        drop(reader);

        let (mut reader, stream) = pair().await;
        let mut stream = Stalling::new(stream, Duration::from_secs(60));
        let reading = async {
            let mut buffer = vec![0; 1 << 20];
            let mut seen = 0;
            while seen < MUCH {
                let mut into = ReadBuf::new(&mut buffer);
                poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut into)).await.unwrap();
                seen += into.filled().len();
            }
        };
        let (written, ()) = tokio::join!(write(&mut stream, MUCH), reading);
        assert_eq!(written, Ok(()));
    }
}

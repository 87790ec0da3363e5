//! What processes print.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::sync::Arc;

use uuid::Uuid;

/// What all processes print that share it. A file, so that it is all there as soon as it is printed.
#[derive(Clone)]
pub(crate) struct Log(Arc<File>);

impl Log {
    pub(crate) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("local-lambda-{}.log", Uuid::new_v4()));
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(&path)?;
        // It is gone with its last handle.
        fs::remove_file(path)?;
        Ok(Self(Arc::new(file)))
    }

    /// All of it so far.
    pub(crate) fn text(&self) -> io::Result<String> {
        let length = usize::try_from(self.0.metadata()?.len()).map_err(io::Error::other)?;
        let mut text = vec![0; length];
        self.0.read_exact_at(&mut text, 0)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) fn stdio(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }
}

//! The body of a request as a file that has no name any more: whatever its size, little of it is in memory, and nothing is left
//! when the process ends.

use std::{
    fs::{File, OpenOptions, remove_file},
    io::{self, Seek, SeekFrom, Write},
    time::Duration,
};

use actix_web::{HttpRequest, http::header, rt::task::spawn_blocking, web::Payload};
use futures::StreamExt;
use http_service::{Problem, ProblemKind};
use uuid::Uuid;

/// Bytes of a report at most, as they are sent.
const LARGEST: usize = 256 * 1024 * 1024;
/// Bytes that are written at once.
const BUFFER: usize = 1024 * 1024;
/// Longest time for the whole of it.
const LIMIT: Duration = Duration::from_secs(600);

/// Reads `body` to its end. The file is at its beginning. What says itself that it is too large is not waited for.
pub(super) async fn file(request: &HttpRequest, body: Payload) -> Result<File, Problem> {
    let told = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    let late = |_| Problem::new(ProblemKind::BodyTimeout, "the report took longer than ten minutes");
    tokio::time::timeout(LIMIT, received(body)).await.map_err(late)?
}

async fn received(mut body: Payload) -> Result<File, Problem> {
    let mut file = on_disk(unlinked).await?;
    let (mut buffer, mut size) = (Vec::with_capacity(BUFFER), 0);
    loop {
        let part = body.next().await.transpose();
        let part = part.map_err(|_| Problem::new(ProblemKind::BodyUnreadable, "the body ended early or is badly framed"))?;
        size += part.as_ref().map_or(0, actix_web::web::Bytes::len);
        if size > LARGEST {
            return Err(too_large());
        }
        let is_end = part.is_none();
        buffer.extend(part.unwrap_or_default());
        if is_end || buffer.len() >= BUFFER {
            (file, buffer) = on_disk(move || {
                file.write_all(&buffer)?;
                buffer.clear();
                Ok((file, buffer))
            })
            .await?;
        }
        if is_end {
            return on_disk(move || {
                file.seek(SeekFrom::Start(0))?;
                Ok(file)
            })
            .await;
        }
    }
}

fn too_large() -> Problem {
    Problem::new(ProblemKind::TooLarge, "a report has 256 MiB at most: send it gzipped, or in parts")
}

/// A new file that nobody else can open.
fn unlinked() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("netbanx-report-{}", Uuid::now_v7().simple()));
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.read(true).write(true).create_new(true).open(&path)?;
    remove_file(&path)?;
    Ok(file)
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Problem> {
    let done = spawn_blocking(work).await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()));
    done.map_err(|error| {
        tracing::error!(%error, "a report cannot be written to the directory for temporary files");
        Problem::new(ProblemKind::Unavailable, "there is no room for the report at this moment")
    })
}

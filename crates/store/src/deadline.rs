//! Limits on waiting for the database.
//!
//! A host that dies tells nobody: its connections bring neither answer nor error, for a quarter of an hour where something was
//! sent to it (the kernel's retransmissions), else for ever. So what asks has a limit, and a connection whose asker gave
//! up is asked for a heartbeat before it goes back into the pool, where sqlx would wait for one without a limit.

use std::{
    future::Future,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::sqlx::{self, Connection, PgConnection};

use crate::Error;

/// When an answer failed to come last: a process has one database.
static SILENT_AT: Mutex<Option<Instant>> = Mutex::new(None);
/// For how long after that connections are in doubt.
const DOUBT: Duration = Duration::from_secs(60);
/// Longest wait for a heartbeat.
const SIGN: Duration = Duration::from_secs(2);

/// Notes when it goes that no answer came, unless one did.
struct Asked {
    is_answered: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.is_answered {
            *SILENT_AT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}

/// What `work` with the database comes to; none where it takes longer than `limit`. Whatever it was doing then may be
/// done all the same.
pub async fn answered<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = Box::pin(work);
    // Goes before `work` does, which gives its connection back then; also where the caller itself is cancelled.
    let mut asked = Asked { is_answered: false };
    let done = tokio::time::timeout(limit, work.as_mut()).await.ok();
    asked.is_answered = done.is_some();
    done
}

/// The same with [`Error::Unavailable`] where no answer came.
pub async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let silent = || Err(Error::Unavailable(format!("no answer within {} s", limit.as_secs_f32())));
    answered(limit, work).await.unwrap_or_else(silent)
}

/// Whether a connection that comes back may be used again; an error ends it at once.
pub(crate) async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let silent_at = *SILENT_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if silent_at.is_none_or(|at| at.elapsed() > DOUBT) {
        return Ok(true);
    }
    let sign = tokio::time::timeout(SIGN, connection.ping()).await;
    sign.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())).map(|()| true)
}

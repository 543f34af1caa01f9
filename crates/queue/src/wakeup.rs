//! What rouses an idle worker: a notification from producers, the next due retry or lease, and a
//! slow poll behind both for a notification that was lost.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::{StreamExt, channel::mpsc};
use redis_client::fred::prelude::*;

use crate::{Error, Queue};

/// The ringing side; cheap to clone.
#[derive(Debug, Clone)]
pub struct Wakeup {
    sender: mpsc::Sender<()>,
    armed: Arc<Mutex<Option<Instant>>>,
}

impl Wakeup {
    /// Rings now; several rings before the worker looks are one.
    pub fn ring(&self) {
        // A full channel means that a ring waits already.
        let _ = self.sender.clone().try_send(());
    }

    /// Rings after `wait`, unless an earlier ring is set.
    pub fn ring_after(&self, wait: Duration) {
        let due = Instant::now() + wait;
        {
            let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
            if armed.is_some_and(|set| set <= due && set > Instant::now()) {
                return;
            }
            *armed = Some(due);
        }
        let wakeup = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            wakeup.ring();
        });
    }
}

/// The listening side.
#[derive(Debug)]
pub struct Wake {
    wakeup: Wakeup,
    rings: mpsc::Receiver<()>,
}

impl Wake {
    /// Listens to the producers of `queue` over a connection of its own to `url`.
    pub fn listen(queue: &Queue, url: &str) -> Result<Self, Error> {
        let (sender, rings) = mpsc::channel(0);
        let wakeup = Wakeup { sender, armed: Arc::default() };
        let subscriber = redis_client::builder(url)?.build_subscriber_client()?;
        let (ringer, channel, poll) = (wakeup.clone(), queue.wake_channel(), queue.settings.idle_poll);
        tokio::spawn(async move {
            let mut messages = subscriber.message_rx();
            redis_client::keep_connected(&subscriber);
            let resubscribe = subscriber.manage_subscriptions();
            let mut subscribed = false;
            while !ringer.sender.is_closed() {
                if !subscribed {
                    // However long that takes, the slow poll goes on.
                    let subscribing = tokio::time::timeout(poll, subscriber.subscribe(channel.as_str())).await;
                    subscribed = subscribing.is_ok_and(|subscribing| subscribing.is_ok());
                    // What came before is not told again.
                    ringer.ring();
                }
                // A message, a lagging receiver or the slow poll: each is a reason to look.
                let _ = tokio::time::timeout(poll, messages.recv()).await;
                ringer.ring();
            }
            resubscribe.abort();
            let _ = subscriber.quit().await;
        });
        Ok(Self { wakeup, rings })
    }

    /// The ringing side.
    pub fn wakeup(&self) -> Wakeup {
        self.wakeup.clone()
    }

    /// Whether it rang since last asked; the task is woken at the next ring.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut rang = false;
        while let Poll::Ready(Some(())) = self.rings.poll_next_unpin(cx) {
            rang = true;
        }
        rang
    }
}

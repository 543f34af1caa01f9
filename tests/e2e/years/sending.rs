//! What is sent at a moment of a platform's life: what is new then, and what is late or comes again.

use std::{cell::Cell, collections::BTreeSet};

use e2e::eventually;
use serde_json::Value;
use uuid::Uuid;

use super::{
    life::Life,
    model::{Payment, Webhook},
};

const PATH: &str = "/api/webhooks/netbanx/acme";

impl Life {
    /// A payment made so many minutes ago.
    pub(super) fn payment(&mut self, minutes_ago: i64) -> Payment {
        let n = self.sent.len() as i64;
        let made_ms = self.clock.now_ms() - minutes_ago * 60_000;
        Payment { id: format!("y{n}"), made_ms, amount: 100 + n, currency: ["EUR", "CAD"][self.sent.len() % 2] }
    }

    /// Sends it, again where it is answered 503; the model takes what was accepted. It may be recognised at once, as long as
    /// Redis knows it.
    pub async fn send(&mut self, webhook: Webhook) {
        let received_ms = self.clock.now_ms();
        let refused = Cell::new(false);
        let (status, told): (u16, Value) = eventually("ingress answers", || async {
            let answer = self.platform.send(PATH, webhook.body()).await;
            let status = answer.status().as_u16();
            if status == 503 {
                refused.set(true);
                return None;
            }
            Some((status, answer.json().await.unwrap()))
        })
        .await;
        let id = || Uuid::parse_str(told["webhookId"].as_str().unwrap()).unwrap();
        match status {
            202 => self.model.take(&webhook, id(), received_ms),
            // It had been accepted, and the answer came too late.
            200 if refused.get() => self.model.take(&webhook, id(), received_ms),
            200 => assert_eq!(told["duplicate"], true, "{told}"),
            _ => panic!("{status}: {told}"),
        }
        self.sent.push(webhook);
    }

    pub(super) async fn tell(&mut self, payment: &Payment, status: &'static str, status_ms: i64) {
        self.send(Webhook { payment: payment.clone(), status, status_ms }).await;
    }

    /// Webhooks of this moment: one payment that is told of in its order, one the other way round, one that stays open, the end
    /// of the one that was left open before; and something that is no webhook.
    pub async fn fresh(&mut self) {
        let now = self.clock.now_ms();
        let [ordered, reversed, open] = [self.payment(3), self.payment(90), self.payment(2)];
        let reversed = Payment { id: format!("{}r", reversed.id), ..reversed };
        self.tell(&ordered, "PENDING", now - 180_000).await;
        self.tell(&ordered, "COMPLETED", now - 60_000).await;
        self.tell(&reversed, "COMPLETED", now - 120_000).await;
        self.tell(&reversed, "PENDING", now - 5_400_000).await;
        let open = Payment { id: format!("{}o", open.id), ..open };
        self.tell(&open, "PENDING", now - 100_000).await;
        if let Some(before) = self.open.pop() {
            self.tell(&before, "FAILED", now - 50_000).await;
        }
        self.open.push(open);
        let unreadable = format!("no JSON, at {now}");
        eventually("it is accepted", || async {
            self.platform.send(PATH, unreadable.clone()).await.status().is_success().then_some(())
        })
        .await;
        self.unreadable += 1;
    }

    /// What came before comes again, the oldest, the latest and some between; something of months ago is told now for the first
    /// time; and the end of a payment that was made, and maybe removed, long ago.
    pub async fn late(&mut self) {
        let (now, all) = (self.clock.now_ms(), self.sent.len());
        let chosen: BTreeSet<usize> = [0, 1, 4, all / 4, all / 2, all / 2 + 1, all - 4, all - 1].into_iter().collect();
        for n in chosen {
            let again = self.sent[n].clone();
            self.send(again).await;
        }
        for days in [10, 75] {
            let late = self.payment(days * 1440);
            let late = Payment { id: format!("{}l", late.id), ..late };
            self.tell(&late, "COMPLETED", late.made_ms + 60_000).await;
        }
        let long_ago = self.sent[4].payment.clone();
        self.tell(&long_ago, "COMPLETED", now - 30_000).await;
    }
}

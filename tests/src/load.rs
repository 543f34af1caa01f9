//! Jobs in numbers.

use futures::StreamExt;
use queue::{Lane, NewJob, Verdict};
use uuid::Uuid;

use crate::{Bench, eventually};

/// As an 826-byte webhook is in the queue: a real body, and what ingress adds to it.
pub fn job(n: u64) -> NewJob {
    let id = Uuid::now_v7();
    let sample = include_str!("../payloads/payments_api_payment_completed.json");
    let random = || Uuid::new_v4().simple().to_string();
    let own = format!(r#"{{"unique":"{}{}{}","#, random(), random(), random());
    let body = sample.trim().replacen('{', &own, 1).replace("9a1c1f0e-3f7b-4a3e-8a25-0b8f3a2b6c11", &Uuid::new_v4().to_string());
    assert!((815..=840).contains(&body.len()), "{}", body.len());
    let payload = format!(
        r#"{{"webhookId":"{id}","endpoint":"netbanx","companyId":"{}","identity":"{}{}","eventName":"PAYMENT_COMPLETED","receivedMs":1735689600000,"body":{body}}}"#,
        Uuid::new_v4(),
        random(),
        random(),
    );
    NewJob {
        id: id.to_string(),
        claim: format!("{:064x}", id.as_u128()),
        lane: if n.is_multiple_of(5) { Lane::Normal } else { Lane::High },
        flow: n % 7,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        payload: payload.into_bytes(),
    }
}

/// Enqueues that many, as many at once as a busy ingress does.
pub async fn push_many(bench: &Bench, count: u64) {
    let pushes = futures::stream::iter(0..count).map(|n| bench.producer.enqueue(job(n))).buffer_unordered(256);
    pushes.for_each(|outcome| async { drop(outcome.unwrap()) }).await;
}

/// Works off all but `rest` jobs.
pub async fn drain(bench: &Bench, rest: u64) {
    let waiting = bench.queue.stats().await.unwrap().waiting as u64;
    let mut worker = bench.worker();
    let mut done = 0;
    while done + rest < waiting {
        let held = worker.next().await;
        done += held.ids().len() as u64;
        held.all(&Verdict::Done);
    }
    if rest == 0 {
        eventually("the queue is drained", || async { (bench.queue.stats().await.unwrap().total == 0).then_some(()) }).await;
    }
    worker.stop().await;
}

//! A request in chunks that is answered before its end. Left alone, the connection reads what is left of it for as long as its
//! sender goes on, without a limit, so that the connection can be used again. One whose body somebody still holds it closes after
//! the answer instead, as it does with a body of a known length.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header,
    middleware::Next,
    web::Bytes,
};
use futures::Stream;

/// A request's body, held by who reads it and by the answer.
#[derive(Clone)]
struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

/// An answer that holds its request's body until it is sent.
struct Holding {
    answer: BoxBody,
    _request: Shared,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(cx)
    }
}

/// Middleware around all routes: a body in chunks is held until its answer is sent. The connection knows by itself whether the
/// body came to its end by then.
pub(crate) async fn hold(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    if !request.headers().contains_key(header::TRANSFER_ENCODING) {
        return next.call(request).await;
    }
    let body = Shared(Rc::new(RefCell::new(request.parts_mut().1.take())));
    request.set_payload(Payload::Stream { payload: Box::pin(body.clone()) });
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, answer| BoxBody::new(Holding { answer, _request: body })))
}

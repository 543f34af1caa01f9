//! A request's body, read within its bound.

use ::web::{Problem, ProblemKind};
use actix_web::{
    error::PayloadError,
    web::{Bytes, BytesMut},
};
use futures::{Stream, StreamExt};

/// Bytes of a body at most.
const LIMIT: usize = 256 * 1024;

/// The whole of `body`. One that comes in one piece, as nearly all do, is not copied.
pub(crate) async fn read(mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin) -> Result<Bytes, Problem> {
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Problem::new(ProblemKind::BodyUnreadable, "the body ended early or is badly framed"))?;
        if first.len().max(all.len()) + piece.len() > LIMIT {
            return Err(Problem::new(ProblemKind::TooLarge, "a webhook has 256 KiB at most"));
        }
        if first.is_empty() {
            first = piece;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&piece);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::stream;

    use super::*;

    async fn read_pieces(pieces: Vec<Result<Bytes, PayloadError>>) -> Result<Bytes, Problem> {
        read(stream::iter(pieces)).await
    }

    #[actix_web::test]
    async fn pieces_are_joined_in_their_order_up_to_the_bound() {
        let piece = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        assert_eq!(read_pieces(vec![]).await.unwrap(), "");
        assert_eq!(read_pieces(vec![piece(""), piece("one")]).await.unwrap(), "one");
        assert_eq!(read_pieces(vec![piece("one"), piece(" two"), piece(""), piece(" three")]).await.unwrap(), "one two three");
        let long = |length: usize| Ok(Bytes::from(vec![b' '; length]));
        assert_eq!(read_pieces(vec![long(LIMIT - 2), piece("ab")]).await.unwrap().len(), LIMIT);
        for too_long in [vec![long(LIMIT + 1)], vec![long(LIMIT - 2), piece("ab"), piece("c")]] {
            assert_eq!(read_pieces(too_long).await.unwrap_err().kind(), ProblemKind::TooLarge);
        }
        let broken = vec![piece("one"), Err(PayloadError::Incomplete(None))];
        assert_eq!(read_pieces(broken).await.unwrap_err().kind(), ProblemKind::BodyUnreadable);
    }
}

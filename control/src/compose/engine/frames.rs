//! A container's log, out of the engine's frames.

/// stdout and stderr of a container without a terminal come in frames: one byte for the stream, three empty ones, the
/// length in four, the text. A frame that breaks off is taken as far as it goes.
pub(super) fn text(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    while let Some((head, rest)) = body.split_first_chunk::<8>() {
        let [_, _, _, _, length @ ..] = head;
        let length = (u32::from_be_bytes(*length) as usize).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        out.extend_from_slice(frame);
        body = rest;
    }
    out
}

//! Byte classes of HTTP's grammar, and fast ways over long values.

/// `tchar` of RFC 9110 §5.6.2: what methods, field names and options are made of.
pub(super) const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

/// Not empty and nothing but `tchar`.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| TOKEN[usize::from(b)])
}

/// A byte that no field value may contain: a control byte other than tab (RFC 9110 §5.5).
pub(super) fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// The position of the first control byte other than tab at or after `from`; the length where there is none.
///
/// Eight bytes a step. Bytes from 0x80 up (`obs-text`) are no controls.
pub(super) fn control_at(bytes: &[u8], from: usize) -> usize {
    const LANES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;

    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let deletes = word ^ (LANES * 0x7f);
        // A borrow only reaches lanes above the first hit, so the lowest set lane is always right.
        let hits = (word.wrapping_sub(LANES * 0x20) & !word | deletes.wrapping_sub(LANES) & !deletes) & HIGH;
        if hits == 0 {
            at += 8;
            continue;
        }
        at += (hits.trailing_zeros() / 8) as usize;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
    bytes[at.min(bytes.len())..].iter().position(|&b| is_control(b)).map_or(bytes.len(), |more| at + more)
}

/// Without the optional white space (`OWS`) around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, trimmed; empty ones left out (RFC 9110 §5.6.1.2).
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_search_for_a_control_byte_finds_what_the_slow_one_finds(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\t'), Just(0x7f), Just(0x80), 0x1e..0x22_u8], 0..40),
            from in 0_usize..40,
        ) {
            let from = from.min(bytes.len());
            let slow = (from..bytes.len()).find(|&i| is_control(bytes[i])).unwrap_or(bytes.len());
            prop_assert_eq!(control_at(&bytes, from), slow);
        }
    }

    #[test]
    fn a_list_has_no_empty_elements_and_no_white_space_around_them() {
        let elements: Vec<_> = list(b" a ,,\tb b\t, ").collect();
        assert_eq!(elements, [b"a".as_slice(), b"b b"]);
    }
}

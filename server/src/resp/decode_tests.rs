//! The decoder against tables of good and bad bytes, in every way that they can arrive.

use super::*;
use crate::limits::{AFTER_AUTH, BEFORE_AUTH};

type Outcome = (Vec<Request>, Option<ProtocolError>);

/// What comes out when the bytes arrive in these pieces.
fn decode_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &DecodeLimits) -> Outcome {
    let mut decoder = Decoder::new();
    let mut requests = Vec::new();
    for piece in pieces {
        let mut input = piece;
        loop {
            match decoder.decode(&mut input, limits) {
                Ok(Some(request)) => requests.push(request),
                Ok(None) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (requests, None)
}

fn decode_whole(bytes: &[u8], limits: &DecodeLimits) -> Outcome {
    decode_pieces(std::iter::once(bytes), limits)
}

fn request(words: &[&str]) -> Request {
    Request(words.iter().map(|word| word.as_bytes().to_vec()).collect())
}

fn long(prefix: &str, count: usize, suffix: &str) -> Vec<u8> {
    [prefix.as_bytes(), &vec![b'a'; count], suffix.as_bytes()].concat()
}

fn good() -> Vec<(Vec<u8>, Vec<Request>)> {
    vec![
        (b"".to_vec(), vec![]),
        (b"\r\n\n*0\r\n\r\n".to_vec(), vec![]),
        (b"*1\r\n$4\r\nPING\r\n".to_vec(), vec![request(&["PING"])]),
        (b"*2\r\n$4\r\necho\r\n$0\r\n\r\n".to_vec(), vec![request(&["echo", ""])]),
        (b"*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n".to_vec(), vec![request(&["ECHO", "a\r\nb"])]),
        (b"PING\r\nping\n".to_vec(), vec![request(&["PING"]), request(&["ping"])]),
        (
            b"*1\r\n$4\r\nPING\r\necho \"a b\"\r\n\r\n*1\r\n$4\r\nQUIT\r\n".to_vec(),
            vec![request(&["PING"]), request(&["echo", "a b"]), request(&["QUIT"])],
        ),
        (b"+OK\r\n".to_vec(), vec![request(&["+OK"])]),
        (
            b"GET / x\r\nPOSTER\r\n".to_vec(),
            vec![request(&["GET", "/", "x"]), request(&["POSTER"])],
        ),
        (b"*1\r\n$4\r\nPI".to_vec(), vec![]),
        (long("*2\r\n$4\r\nECHO\r\n$9000\r\n", 9000, "\r\n"), {
            vec![Request(vec![b"ECHO".to_vec(), vec![b'a'; 9000]])]
        }),
        (long("", 16 << 10, "\r\n"), vec![Request(vec![vec![b'a'; 16 << 10]])]),
        (long("", 16 << 10, "\n"), vec![Request(vec![vec![b'a'; 16 << 10]])]),
    ]
}

fn bad() -> Vec<(Vec<u8>, ProtocolError)> {
    use ProtocolError::*;
    let mut cases: Vec<(Vec<u8>, ProtocolError)> = Vec::new();
    for count in
        ["-1", "-5", "", "x", "+1", "01", "1 ", " 1", "1.0", "1e3", "0x1", "17", "99999999999"]
    {
        cases.push((format!("*{count}\r\n$1\r\na\r\n").into_bytes(), Count));
    }
    for length in
        ["-1", "-5", "", "x", "+1", "01", "1 ", "16385", "536870913", "9223372036854775807"]
    {
        cases.push((format!("*1\r\n${length}\r\na\r\n").into_bytes(), Length));
    }
    cases.extend([
        (b"*184467440737095516161\r\n".to_vec(), Count),
        (b"*1844674407370955161618446744073709551616\r\n".to_vec(), HeaderTooLong),
        (b"*1\r\n$00000000000000000000000000000000001\r\n".to_vec(), HeaderTooLong),
        (b"*1\n$4\r\nPING\r\n".to_vec(), LineEnd),
        (b"*1\r\n$4\nPING\r\n".to_vec(), LineEnd),
        (b"*1\r\n$4\r\nPINGS\r\n".to_vec(), LineEnd),
        (b"*1\r\n$4\r\nPING\rx".to_vec(), LineEnd),
        (b"*1\r\n$4\r\nPING\n".to_vec(), LineEnd),
        (b"*1\r\n:4\r\n".to_vec(), NotBulk(b':')),
        (b"*1\r\n*1\r\n$4\r\nPING\r\n".to_vec(), NotBulk(b'*')),
        (b"*1\r\n+PING\r\n".to_vec(), NotBulk(b'+')),
        (b"*2\r\n$4\r\nECHO\r\nhi\r\n".to_vec(), NotBulk(b'h')),
        (b"*1\r\n\r\n".to_vec(), NotBulk(b'\r')),
        (b"ECHO \"a\r\n".to_vec(), Quotes),
        (b"ECHO 'a'b\r\n".to_vec(), Quotes),
        (b"POST / HTTP/1.1\r\n".to_vec(), Http),
        (b"GET /stats HTTP/1.1\r\n".to_vec(), Http),
        (b"host: localhost:6283\r\n".to_vec(), Http),
        (b"a a a a a a a a a a a a a a a a a\r\n".to_vec(), Count),
        (long("*2\r\n$9000\r\n", 9000, "\r\n$9000\r\n"), RequestTooLong),
        (long("", (16 << 10) + 1, "\r\n"), InlineTooLong),
        (long("", (16 << 10) + 1, "\n"), InlineTooLong),
        (long("", 20 << 10, ""), InlineTooLong),
    ]);
    cases
}

#[test]
fn good_bytes_give_requests() {
    for (bytes, wanted) in good() {
        let shown = String::from_utf8_lossy(&bytes).chars().take(40).collect::<String>();
        assert_eq!(decode_whole(&bytes, &BEFORE_AUTH), (wanted, None), "{shown}");
    }
}

#[test]
fn bad_bytes_are_refused_with_the_right_word() {
    assert!(bad().len() >= 40);
    for (bytes, wanted) in bad() {
        let shown = String::from_utf8_lossy(&bytes).chars().take(40).collect::<String>();
        assert_eq!(decode_whole(&bytes, &BEFORE_AUTH).1, Some(wanted), "{shown}");
    }
}

#[test]
fn the_pieces_do_not_matter() {
    let all = good().into_iter().map(|c| c.0).chain(bad().into_iter().map(|c| c.0));
    for bytes in all {
        let wanted = decode_whole(&bytes, &BEFORE_AUTH);
        assert_eq!(decode_pieces(bytes.chunks(1), &BEFORE_AUTH), wanted, "byte by byte");
        // Every offset of short inputs; of the long ones, those near the ends, where the lines are.
        let near_an_end = |at: &usize| *at < 64 || bytes.len() - at < 64;
        for at in (0..=bytes.len()).filter(near_an_end) {
            let (left, right) = bytes.split_at(at);
            assert_eq!(
                decode_pieces([left, right].into_iter(), &BEFORE_AUTH),
                wanted,
                "cut at {at}"
            );
        }
    }
}

#[test]
fn a_claim_allocates_nothing() {
    let mut decoder = Decoder::new();
    let mut input: &[u8] = b"*1024\r\n$4194304\r\n";
    assert_eq!(decoder.decode(&mut input, &AFTER_AUTH), Ok(None));
    assert!(decoder.bytes() < 1024, "{}", decoder.bytes());
    let mut input: &[u8] = &[b'a'; 1000];
    assert_eq!(decoder.decode(&mut input, &AFTER_AUTH), Ok(None));
    assert!(decoder.bytes() < 8192, "{}", decoder.bytes());
    assert!(!decoder.at_start());
}

#[test]
fn limits_may_change_between_requests() {
    let mut decoder = Decoder::new();
    let bytes =
        [b"*1\r\n$4\r\nPING\r\n".to_vec(), long("*1\r\n$20000\r\n", 20_000, "\r\n")].concat();
    let mut input = bytes.as_slice();
    assert_eq!(decoder.decode(&mut input, &BEFORE_AUTH), Ok(Some(request(&["PING"]))));
    let large = decoder.decode(&mut input, &AFTER_AUTH).unwrap().unwrap();
    assert_eq!(large.0[0].len(), 20_000);
    assert!(decoder.at_start() && input.is_empty());
}

//! Where a server may listen.

use super::*;

#[test]
fn only_a_password_opens_the_door_to_others() {
    for (address, has_password, wanted) in [
        ("127.0.0.1:0", false, true),
        ("127.0.0.1:0", true, true),
        ("127.8.9.10:0", false, true),
        ("localhost:0", false, true),
        ("0.0.0.0:0", false, false),
        ("0.0.0.0:0", true, true),
        ("[::]:0", false, false),
        ("192.0.2.1:0", false, false),
        ("127.0.0.1", false, false),
        ("127.0.0.1:70000", false, false),
        ("", false, false),
        ("no such host:1", false, false),
    ] {
        assert_eq!(listen(address, has_password).is_ok(), wanted, "{address} {has_password}");
    }
}

#[test]
fn a_refusal_names_the_remedy() {
    let Err(Refusal::Address(message)) = listen("0.0.0.0:0", false) else { panic!("it listens") };
    assert!(message.contains("--password-file"), "{message}");
    let taken = listen("127.0.0.1:0", false).unwrap().local_addr().unwrap();
    let _holder = listen(&taken.to_string(), false).unwrap();
    let Err(Refusal::Failed(message)) = listen(&taken.to_string(), false) else {
        panic!("it listens")
    };
    assert!(message.contains("--listen"), "{message}");
}

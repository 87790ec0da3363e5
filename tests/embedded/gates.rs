//! Gates: requests that wait for the test.

use std::time::Duration;

use oauth_token_store::embedded::{Fault, Gate, Operation};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::*;

/// Puts a new version of `a` in a task of its own.
fn spawn_put(client: &Client, n: u32) -> JoinHandle<()> {
    let client = client.clone();
    tokio::spawn(async move { put(&client, "a", n, &format!("v{n}")).await })
}

#[tokio::test]
async fn a_gate_before_holds_a_request_that_is_not_carried_out_yet() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let put = spawn_put(&client, 2);
    gate.arrived(1).await;
    assert_eq!(gate.held(), 1);
    assert_eq!(value_or_code(&client, "a").await, "v1", "reads pass");
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 1);
    assert!(gate.release_one());
    put.await.unwrap();
    assert_eq!(value_or_code(&client, "a").await, "v2");
    assert_eq!(gate.held(), 0);
}

#[tokio::test]
async fn a_gate_after_holds_the_answer_of_a_request_that_was_carried_out() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::after(Operation::PutSecretValue));
    let put = spawn_put(&client, 2);
    gate.arrived(1).await;
    assert_eq!(value_or_code(&client, "a").await, "v2");
    assert!(!put.is_finished());
    gate.open();
    put.await.unwrap();
}

#[tokio::test]
async fn a_held_answer_of_a_read_is_the_state_of_its_arrival() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::after(Operation::GetSecretValue));
    let reader = client.clone();
    let read = tokio::spawn(async move { value_or_code(&reader, "a").await });
    gate.arrived(1).await;
    put(&client, "a", 2, "v2").await;
    gate.open();
    assert_eq!(read.await.unwrap(), "v1");
}

#[tokio::test]
async fn requests_leave_a_gate_in_the_order_of_their_arrival() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let mut puts = Vec::new();
    for n in 2..=5 {
        puts.push(spawn_put(&client, n));
        gate.arrived(puts.len()).await;
    }
    for (n, put) in (2..=5).zip(puts) {
        assert!(gate.release_one());
        put.await.unwrap();
        assert_eq!(value_or_code(&client, "a").await, format!("v{n}"));
    }
    assert!(!gate.release_one());
}

#[tokio::test]
async fn several_requests_are_released_at_once_and_later_ones_are_held() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let puts: Vec<_> = (2..=4).map(|n| spawn_put(&client, n)).collect();
    gate.arrived(3).await;
    assert_eq!(gate.release(2), 2);
    assert_eq!(gate.held(), 1);
    assert_eq!(gate.release(5), 1);
    for put in puts {
        put.await.unwrap();
    }
    let later = spawn_put(&client, 5);
    gate.arrived(1).await;
    assert!(!later.is_finished());
    gate.open();
    later.await.unwrap();
}

#[tokio::test]
async fn an_open_gate_holds_nothing_any_more() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    gate.open();
    put(&client, "a", 2, "v2").await;
    assert_eq!(gate.held(), 0);
}

#[tokio::test]
async fn dropping_a_gate_opens_it() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let held = spawn_put(&client, 2);
    gate.arrived(1).await;
    drop(gate);
    held.await.unwrap();
    put(&client, "a", 3, "v3").await;
}

#[tokio::test]
async fn a_gate_holds_only_its_secrets_and_operations() {
    let (backend, client) = setup();
    let gate =
        backend.gate(Gate::before(Operation::CreateSecret).on(Operation::PutSecretValue).on_secret("a"));
    create(&client, "b", "v").await;
    let creator = client.clone();
    let created = tokio::spawn(async move { create(&creator, "a", "v1").await });
    gate.arrived(1).await;
    gate.release_one();
    created.await.unwrap();
    let put = spawn_put(&client, 2);
    gate.arrived(1).await;
    assert_eq!(value_or_code(&client, "a").await, "v1");
    gate.open();
    put.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_gives_up_leaves_the_gate_and_is_not_carried_out() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let put = put(&client, "a", 2, "v2");
    assert!(timeout(Duration::from_secs(5), put).await.is_err());
    assert_eq!(gate.held(), 0);
    gate.open();
    assert_eq!(value_or_code(&client, "a").await, "v1");
}

#[tokio::test]
async fn a_fault_injected_while_a_request_is_held_strikes_it() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let gate = backend.gate(Gate::before(Operation::GetSecretValue));
    let reader = client.clone();
    let read = tokio::spawn(async move { value_or_code(&reader, "a").await });
    gate.arrived(1).await;
    backend.inject(Fault::access_denied());
    gate.open();
    assert_eq!(read.await.unwrap(), "AccessDeniedException");
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_held_and_then_lost() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    backend.inject(Fault::lost_answer().on(Operation::PutSecretValue).times(1));
    let gate = backend.gate(Gate::after(Operation::PutSecretValue));
    let put = spawn_put(&client, 2);
    gate.arrived(1).await;
    assert_eq!(value_or_code(&client, "a").await, "v2");
    gate.open();
    put.await.unwrap();
    assert_eq!(backend.requests().count(Operation::PutSecretValue), 2);
}

#[tokio::test]
async fn a_request_passes_all_gates_that_match() {
    let (backend, client) = setup();
    create(&client, "a", "v1").await;
    let first = backend.gate(Gate::before(Operation::PutSecretValue));
    let second = backend.gate(Gate::before(Operation::PutSecretValue).on_secret("a"));
    let put = spawn_put(&client, 2);
    first.arrived(1).await;
    assert_eq!(second.held(), 0);
    first.open();
    second.arrived(1).await;
    second.open();
    put.await.unwrap();
}

/// Else a test whose requests never come would hang, and nobody be told why.
#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "2 requests should have arrived within a minute: GateHandle { gate: Gate { point: Before"
)]
async fn a_wait_for_requests_that_never_come_ends_in_a_panic() {
    let (backend, client) = setup();
    let gate = backend.gate(Gate::before(Operation::PutSecretValue));
    let _put = spawn_put(&client, 1);
    gate.arrived(2).await;
}

//! The example of a thousand tasks, run as a newcomer runs it.

mod example_programs;

#[test]
fn it_tells_its_story_with_the_cost_of_each_step_and_no_secret() {
    let text = example_programs::story_of(example_programs::built("refresh"));
    for step in [
        "saved                           exchanges: 0   Secrets Manager: 1 GetSecretValue, 1 CreateSecret\n",
        "1000 tokens, 1 distinct         \
         exchanges: 1   Secrets Manager: 1 GetSecretValue, 1 PutSecretValue, 1 TagResource\n",
        "the API answers 200             exchanges: 0   Secrets Manager: no requests\n",
        "the API answers 401             \
         exchanges: 1   Secrets Manager: 2 GetSecretValue, 1 PutSecretValue, 1 TagResource\n",
        "reloaded, the API answers 200   exchanges: 0   Secrets Manager: 1 GetSecretValue\n",
    ] {
        assert!(text.contains(step), "{step} is not in\n{text}");
    }
    // All tokens of the server, and the id of its client, begin so.
    for secret in ["1000.", "hush-client-secret", "bob@example.com"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

"""Every key of a description in a sentence, for ``mixlaw import --help-columns`` and the docs."""

#: Keys of the whole description.
DOCUMENT = {
    "runs": "by run id, what its log does not say (the keys of a run)",
    "defaults": "the same keys, for every run that does not say otherwise, also for the runs of a "
    "table",
    "bases": "by base_id, the model before CPT: {n_params: 70M, losses: {domain: 3.1, general: "
    "2.7}}, and base_tokens, tokenizer",
    "eval_sets": "the log's name of a held-out loss (metric or column): the table's name of its "
    "eval set",
    "columns": "of a table: column of the runs table: column of the file",
    "units": "of a table: column of the runs table: K, M, B, T, % or a number it is multiplied by; "
    "shares stands for all shares; loss: bits per token, or bits per byte",
    "remainder": "of a table: the corpus that has what the mapped shares leave",
}
#: Keys of one run, and of ``defaults``.
RUN = {
    "log": "its log file or folder, or a list in the order of training; inside the YAML's folder",
    "name": "its name in a log of many runs, where that is not the run id",
    "n_params": "non-embedding parameters, such as 70M",
    "shares": "token shares by corpus, or a domain ratio: {domain: 0.3, general: 0.7}, 30%, 3:7",
    "document_shares": "shares of documents instead, with tokens_per_doc",
    "tokens_per_doc": "mean tokens per document by corpus",
    "tokens_per_step": "global batch x sequence length, for logs that count steps",
    "sequence_length": "for logs that count sequences",
    "tokens": "training tokens of all its evaluations, for logs without a counter",
    "steps_per_epoch": "for logs that count epochs, with tokens_per_step",
    "tokens_per_epoch": "for logs that count epochs",
    "token_axis": "tokens, samples, steps or epochs: which counter to believe where they "
    "contradict",
    "restarts": "a counter that starts again: add (the run goes on) or replace (what came before "
    "is void)",
    "bytes_per_token": "by eval set, for losses in bits per byte",
    "unnamed_eval_set": "the one held-out set of a log that does not name it",
    "annealed": "true, false or end (at the end only): the learning rate had reached its final "
    "value",
    "finished": "true keeps the rows of a run that stopped before its planned end",
    "n_params_total": "parameters with embeddings",
    "n_params_embedding": "parameters of the embeddings",
    "base_id": "which checkpoint CPT started from",
    "base_tokens": "its pre-training tokens",
    "tokenizer": "name or hash; losses of two tokenizers are not comparable",
    "metric_version": "of the definition of the loss",
    "recipe": "how it was trained, where runs differ in more than the mixture",
    "seed": "of the run",
    "trunk_id": "the trunk that branches share",
    "token_budget": "tokens that the run was to see",
    "lr_rule": "by which rule the learning rate follows size",
    "schedule": "{kind: wsd|cosine|linear|constant|infinite, peak: 3e-4, final: 0, warmup_tokens: "
    "1e8, decay_start_tokens: 8e9}",
    "unique_tokens": "distinct tokens available by corpus",
}
#: What ``columns`` can map beside the columns of the runs table.
COLUMN = {
    "run_id": "where there is none, runs are told apart by size, shares and seed",
    "n_params, tokens": "counts, as 70M, 1,000,000 or with a unit",
    "step, samples": "training steps or sequences, instead of tokens",
    "domain_ratio": "share of domain data: 0.3, 30% or 3:7",
    "share.NAME": "token share of the corpus NAME",
    "eval_set, loss": "of a long table, one row per eval set; in nats per token",
    "bpb, loss_se, seed, ...": "every other column of the runs table by its name",
    "unique_tokens.NAME": "distinct tokens of the corpus NAME",
}


def help_text() -> str:
    """All keys with their meaning, as a page of the terminal."""
    sections = (
        ("Keys of the description (--describe FILE.yaml):", DOCUMENT),
        ("Keys of a run, and of 'defaults' (also --set KEY=VALUE):", RUN),
        ("What 'columns' maps:", COLUMN),
    )
    return "\n\n".join(
        "\n".join([title, *(line for key in keys for line in _entry(key, keys[key]))])
        for title, keys in sections
    )


def _entry(key: str, meaning: str) -> list[str]:
    from textwrap import wrap

    indent = " " * 21
    first, *rest = wrap(meaning, 78 - len(indent))
    head = f"  {key:<18} {first}" if len(key) < 19 else f"  {key}\n{indent}{first}"
    return [head, *(indent + line for line in rest)]

"""What is true of the printed numbers and of the runs: audits, comparisons, verdicts."""


rule audit_published:
    """Contradictions in the numbers that a paper prints; arithmetic alone, no data."""
    input:
        published=lambda w: published_path(w.study),
        study=lambda w: study_path(w.study),
    output:
        audit="results/audit/{study}.json",
    log:
        "logs/audit_published/{study}.txt",
    benchmark:
        "results/benchmarks/audit_published/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code_digest("audit", "config", "evaluation/published.py"),
    shell:
        r"""
        leukorepro audit published \
            {wildcards.study:q} \
            --out {output.audit:q} \
            >{log:q} 2>&1
        """

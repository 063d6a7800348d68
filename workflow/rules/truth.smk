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


rule judge:
    """A verdict on every number that a study's paper prints, with its reason."""
    input:
        scan=lambda w: f"results/datasets/{study_of(w).dataset_id}/scan.json",
        metrics="results/{run}/{study}/metrics.csv",
        audit=rules.audit_published.output.audit,
        published=lambda w: published_path(w.study),
    output:
        verdicts="results/{run}/{study}/verdicts.csv",
    log:
        "logs/judge/{run}/{study}.txt",
    benchmark:
        "results/benchmarks/judge/{run}/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        run=run_options,
        code=code_digest("evaluation"),
        spec=lambda w: digest(RUN.budget, study_of(w)),
    shell:
        r"""
        leukorepro judge \
            {params.run:q} \
            --study {wildcards.study:q} \
            --metrics {input.metrics:q} \
            --audit {input.audit:q} \
            --published {input.published:q} \
            --scan {input.scan:q} \
            --output {output.verdicts:q} \
            >{log:q} 2>&1
        """

"""The report of a run."""


rule build_report:
    """An HTML page that opens from disk with no network: tables, figures, the ladder."""
    input:
        config="results/{run}/config.json",
        scans=[f"results/datasets/{study.dataset_id}/scan.json" for study in RUN.studies],
        metrics=expand(
            rules.evaluate.output.metrics,
            study=[study.study.key for study in RUN.studies],
            allow_missing=True,
        ),
    output:
        page="results/{run}/report/index.html",
        figures=report(
            directory("results/{run}/report/figures"),
            patterns=["{study}/{figure}.svg"],
            caption="../report/figure.rst",
            category="{study}",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/build_report/{run}.txt",
    benchmark:
        "results/benchmarks/build_report/{run}.tsv"
    params:
        code=code_digest("evaluation", "report"),
        folder=lambda w: f"results/{w.run}/report",
    threads: 1
    resources:
        mem_mb=2000,
    conda:
        ENVIRONMENT
    shell:
        r"""
        leukorepro report build \
            --config {input.config:q} \
            --output {params.folder:q} \
            > {log:q} 2>&1
        """

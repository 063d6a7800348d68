"""From image files to a manifest."""


rule simulate_images:
    """Procedural smears with known subjects."""
    output:
        table="data/simulated/{dataset}/simulation.csv",
    log:
        "logs/simulate_images/{dataset}.txt",
    benchmark:
        "results/benchmarks/simulate_images/{dataset}.tsv"
    group:
        together("images")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=lambda w: code_digest("data simulate", *adapters_of(dataset_of(w))),
        spec=lambda w: digest(dataset_of(w).dataset.simulation(RUN.budget)),
        file=lambda w: plan.dataset_file(dataset_of(w), RUN.budget),
        folder=lambda w: dataset_of(w).images,
        budget=RUN.budget,
    message:
        "Simulating the images of {wildcards.dataset}"
    shell:
        r"""
        leukorepro data simulate \
            --dataset {params.file:q} \
            --budget {params.budget:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule scan_images:
    """The manifest of a dataset: every image, read once, with its label, subject and source."""
    input:
        simulation=lambda w: (
            [
                part.images / "simulation.csv"
                for part in dataset_of(w).parts
                if part.simulated
            ]
        ),
    output:
        manifest="results/datasets/{dataset}/manifest.csv",
        summary="results/datasets/{dataset}/scan.json",
        crops="results/datasets/{dataset}/crops.csv",
    log:
        "logs/scan_images/{dataset}.txt",
    benchmark:
        "results/benchmarks/scan_images/{dataset}.tsv"
    priority: WIDE
    group:
        together("images")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=lambda w: code_digest("data scan", *adapters_of(dataset_of(w))),
        spec=lambda w: digest(dataset_of(w).dataset),
        fingerprint=lambda w: plan.fingerprint(dataset_of(w)),
        file=lambda w: plan.dataset_file(dataset_of(w), RUN.budget),
        folder=lambda w: dataset_of(w).images,
    message:
        "Reading every image of {wildcards.dataset} once"
    shell:
        r"""
        leukorepro data scan \
            --dataset {params.file:q} \
            --images {params.folder:q} \
            --workers {threads} \
            --summary {output.summary:q} \
            --crops {output.crops:q} \
            --output {output.manifest:q} \
            >{log:q} 2>&1
        """

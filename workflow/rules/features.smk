"""Deep features: one file per dataset and extractor, shared by all runs, and their fusion."""


rule extract_features:
    """Deep features of every view of a dataset's images, by one extractor."""
    input:
        manifest="results/datasets/{dataset}/manifest.csv",
    output:
        features="results/features/{dataset}/{extractor}.h5",
    log:
        "logs/extract_features/{dataset}/{extractor}.txt",
    benchmark:
        "results/benchmarks/extract_features/{dataset}/{extractor}.tsv"
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        gpu=1,
        mem_mb=4000,
    params:
        code=code_digest("data", "device.py", "features"),
        folder=lambda w: dataset_of(w).images,
        backbone=lambda w: extractor_of(w).backbone,
        layer=lambda w: extractor_of(w).layer,
        weights=lambda w: extractor_of(w).weights,
        input_size=lambda w: extractor_of(w).input_size,
        views=lambda w: flags("--view", plan.views_of(RUN, w.dataset, w.extractor)),
        max_pixels=lambda w: dataset_of(w).dataset.max_pixels,
        seed=RUN.seed,
    shell:
        r"""
        leukorepro features extract \
            --manifest {input.manifest:q} \
            --images {params.folder:q} \
            --dataset {wildcards.dataset:q} \
            --backbone {params.backbone:q} \
            --layer {params.layer:q} \
            --weights {params.weights:q} \
            --input-size {params.input_size} \
            {params.views} \
            --max-pixels {params.max_pixels} \
            --seed {params.seed} \
            --threads {threads} \
            --output {output.features:q} \
            >{log:q} 2>&1
        """


rule fuse_features:
    """Several extractors' features side by side, without a copy."""
    input:
        parts=lambda w: expand(
            "results/features/{{dataset}}/{extractor}.h5",
            extractor=w.fused.split("+"),
        ),
    output:
        features="results/features/{dataset}/fused/{fused}.h5",
    log:
        "logs/fuse_features/{dataset}/{fused}.txt",
    benchmark:
        "results/benchmarks/fuse_features/{dataset}/{fused}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        code=code_digest("features"),
    shell:
        r"""
        leukorepro features fuse \
            {input.parts:q} \
            --output {output.features:q} \
            >{log:q} 2>&1
        """

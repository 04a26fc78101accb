/*
 * What a ConfigMgr administrator reads: the lines of the four logs, in the words of ConfigMgr where
 * they are known (configmgr-facts 2.5, 4.2 to 4.4), one line a record.
 */
#include "agent/cache/contents.h"
#include "agent/transfer/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAS(severity, ...) \
    log_write(job->engine.log, LOG_CONTENT_ACCESS, severity, LOG_AT, __VA_ARGS__)
#define CTM(severity, ...) \
    log_write(job->engine.log, LOG_CONTENT_TRANSFER_MANAGER, severity, LOG_AT, __VA_ARGS__)
#define DTS(severity, ...) \
    log_write(job->engine.log, LOG_DATA_TRANSFER_SERVICE, severity, LOG_AT, __VA_ARGS__)
#define LS(severity, ...) \
    log_write(job->engine.log, LOG_LOCATION_SERVICES, severity, LOG_AT, __VA_ARGS__)

/* URLs go into logs without their query. */
#define URL_ARGS(url) (int)source_shown_length(url), url

static int64_t known_bytes(const struct job *job)
{
    return job->manifest ? job->manifest->bytes : 0;
}

void trace_requested(const struct job *job, bool resumed)
{
    const char *id = job_content(job)->id;
    long long version = (long long)job_content(job)->version;
    const char *priority = job_priority_word(job->request.priority);
    CAS(LOG_INFO, "Requesting content %s, size(KB) %lld, under context System with priority %s",
        job->name, (long long)((known_bytes(job) + 1023) / 1024), priority);
    CAS(LOG_INFO, "===== CacheManager: Content for %s was NOT found cache. =====", job->name);
    CAS(LOG_INFO, "Requesting locations synchronously for content %s with priority %s", job->name,
        priority);
    CAS(LOG_INFO, "Submitted CTM job %s to download Content %s under context System", job->guid,
        job->name);
    if (resumed)
        CTM(LOG_INFO, "Resuming CTM job %s, which had not ended", job->guid);
    else
        CTM(LOG_INFO, "Created CTM job %s for user %ld", job->guid, (long)geteuid());
    CTM(LOG_INFO, "CTM_StartJob - Starting CTM job %s", job->guid);
    CTM(LOG_INFO, "Attempting to create Location Request for PackageID='%s' and Version='%lld'", id,
        version);
    CTM(LOG_INFO, "Created and Sent Location Request '%s' for package %s", job->ls, id);
    CTM(LOG_INFO, "CTM job %s entered phase CCM_DOWNLOADSTATUS_WAITING_CONTENTLOCATIONS",
        job->guid);
    CTM(LOG_INFO, "Queued location request '%s' for CTM job '%s'.", job->ls, job->guid);
    CTM(LOG_INFO, "CCTMJob::EvaluateState(JobID=%s, State=%s)", job->guid,
        job_state_word(JOB_REQUESTED_LOCATIONS));
}

/* What no log of ConfigMgr's says: whether cloud distribution points may be used, and who says so.
 */
static void trace_gate(const struct job *job)
{
    const struct settings *settings = job->request.location.settings;
    struct buf origin = {0};
    settings_add_origin_place(&origin, settings, SETTING_ALLOW_CLOUD_DP);
    LS(LOG_INFO, "AllowCloudDP is %s (%s)",
       settings->value[SETTING_ALLOW_CLOUD_DP] ? "True" : "False", origin.data);
    buf_free(&origin);
}

void trace_record_damaged(const struct job *job, const char *why, const char *kept_as)
{
    CTM(LOG_WARNING, "The record of a job for content %s is not used: %s. It is kept as %s",
        job->name, why, kept_as);
}

static void trace_location(const struct job *job, size_t order)
{
    const struct location *location = &job->decision.locations[order];
    LS(LOG_INFO, "Distribution Point='%.*s', Locality='%s'", URL_ARGS(location->url),
       locality_word(location->locality));
    CAS(LOG_INFO, "Matching DP location found %zu - %.*s (Locality: %s)", order,
        URL_ARGS(location->url), locality_word(location->locality));
    CTM(LOG_INFO, "Persisted location '%.*s', Order %zu, for CTM job %s", URL_ARGS(location->url),
        order, job->guid);
}

void trace_located(const struct job *job)
{
    size_t count = job->decision.location_count;
    LS(LOG_INFO, "Created filter for LS request %s.", job->ls);
    trace_gate(job);
    if (count == 0) {
        LS(LOG_WARNING,
           "LS Request CorrelationID %s - Calling back with empty distribution points list",
           job->ls);
        CTM(LOG_WARNING, "CCTMJob::UpdateLocations - Received empty location update for CTM Job %s",
            job->guid);
        return;
    }
    LS(LOG_INFO, "Calling back with the following distribution points");
    CTM(LOG_INFO, "CCTMJob::UpdateLocations(%s)", job->guid);
    for (size_t i = 0; i < count; i++)
        trace_location(job, i);
    LS(LOG_INFO, "The number of discovered DPs(including Branch DP and Multicast) is %zu", count);
    LS(LOG_INFO, "Calling back with locations for location request %s", job->ls);
}

void trace_state(const struct job *job)
{
    CTM(LOG_INFO, "CCTMJob::EvaluateState(JobID=%s, State=%s)", job->guid,
        job_state_word(job->state));
    if (job->state == JOB_DOWNLOADING_DATA)
        CTM(LOG_INFO, "CTM job %s entered phase CCM_DOWNLOADSTATUS_DOWNLOADING_DATA", job->guid);
    else if (job->state == JOB_WAITING_CONTENT_LOCATIONS)
        CTM(LOG_INFO, "CTM job %s entered phase CCM_DOWNLOADSTATUS_WAITING_CONTENTLOCATIONS",
            job->guid);
    else if (job->state == JOB_SUSPENDED)
        CTM(LOG_INFO, "CTM job %s suspended", job->guid);
    else if (job->state == JOB_VERIFYING)
        DTS(LOG_INFO, "DTSJob %s in state 'RetrievedData'.", job->dts);
}

/* The words are ConfigMgr's, the rest of its line is not public (configmgr-facts 4.3). */
static void trace_cloud(const struct job *job, const struct job_source *source)
{
    struct error remark;
    CTM(LOG_INFO, "Content location type is Azure for CTM job %s", job->guid);
    if (source->kind->remark && source->kind->remark(job->engine.client, source->dp, &remark))
        DTS(LOG_WARNING, "DTSJob %s: %s: %s", job->dts, source->dp->name, remark.text);
}

void trace_blob(const struct job *job, const char *url)
{
    DTS(LOG_INFO, "DTSJob %s downloads blob '%.*s'", job->dts, URL_ARGS(url));
}

void trace_source(const struct job *job, const struct job_source *source, bool first)
{
    if (site_is_cloud(source->dp))
        trace_cloud(job, source);
    if (first) {
        DTS(LOG_INFO, "DTSJob %s created to download from '%.*s' to '%s'.", job->dts,
            URL_ARGS(source->url), job->name);
        DTS(LOG_INFO, "DTSJob %s in state 'PendingDownload'.", job->dts);
        DTS(LOG_INFO, "DTSJob %s in state 'DownloadingData'.", job->dts);
        CAS(LOG_INFO, "Download started for content %s", job->name);
        CTM(LOG_INFO,
            "CTM job %s (corresponding DTS job %s) started download from '%.*s' for full content "
            "download.",
            job->guid, job->dts, URL_ARGS(source->url));
        return;
    }
    CTM(LOG_INFO, "CTM job %s (corresponding DTS job %s) switched to location '%.*s'", job->guid,
        job->dts, URL_ARGS(source->url));
}

void trace_listing(const struct job *job, const struct job_source *source)
{
    DTS(LOG_INFO, "DTSJob %s in state 'DownloadingManifest'.", job->dts);
    if (site_is_cloud(source->dp)) {
        trace_cloud(job, source);
        DTS(LOG_INFO, "Sending List Blobs request using URL %.*s", URL_ARGS(source->url));
    } else {
        DTS(LOG_INFO, "Sending PROPFIND request using URL %.*s", URL_ARGS(source->url));
    }
}

void trace_listed(const struct job *job)
{
    DTS(LOG_INFO, "CDTSJob::ProcessManifestCallback - processing manifest for job '%s'.", job->dts);
    DTS(LOG_INFO, "DTSJob %s in state 'RetrievedManifest'.", job->dts);
}

void trace_form(const struct job *job, const char *url)
{
    (void)job;
    DTS(LOG_INFO, "UpdateURLWithTransportSettings(): NEW URL - %.*s", URL_ARGS(url));
}

void trace_hedge(const struct job *job, const struct job_fetch *fetch,
                 const struct job_source *other)
{
    CTM(LOG_WARNING, "No progress for CTM job %s from '%.*s' at %s: '%.*s' is asked as well",
        job->guid, URL_ARGS(fetch->source->url), fetch->file->staged->file->name,
        URL_ARGS(other->url));
}

void trace_progress(struct job *job)
{
    job->progress_logged = job_now(job);
    DTS(LOG_INFO,
        "Job: %s, Total Files: %zu, Transferred Files: %zu, Total Bytes: %lld, Transferred Bytes: "
        "%lld",
        job->dts, job->file_count, job->done_count, (long long)known_bytes(job),
        (long long)(job->bytes_from_network + job->bytes_reused));
}

void trace_part(const struct job *job, const char *file, const char *note)
{
    DTS(LOG_WARNING, "DTSJob %s: what an earlier run left of %s is not used: %s", job->dts, file,
        note);
}

void trace_waiting(const struct job *job, const struct error *err)
{
    CTM(LOG_WARNING, "CTM job %s waits for the local disk: %s (%s)", job->guid, err->text,
        err->where);
}

void trace_error(const struct job *job, const struct job_source *source, const struct error *err)
{
    const char *blame = error_blame_word(err->blame);
    DTS(LOG_WARNING, "DTSJob %s: %s %s (%s, blame %s)", job->dts, source->dp->name, err->text,
        err->where, blame ? blame : "unknown");
    if (source->out)
        CTM(LOG_WARNING, "CTM job %s sets '%.*s' aside", job->guid, URL_ARGS(source->url));
}

void job_note_cached(struct log *log, const char *content_id, int64_t version, const char *path)
{
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT,
              "===== CacheManager: Content %s.%lld was found in cache with an empty exclude file "
              "list.===== %s",
              content_id, (long long)version, path);
}

static void trace_success(const struct job *job, const char *path)
{
    DTS(LOG_INFO, "DTSJob %s successfully completed download.", job->dts);
    DTS(LOG_INFO, "DTSJob %s in state 'NotifiedComplete'.", job->dts);
    CTM(LOG_INFO,
        "CTMJob(%s): CCTMJob::ProcessDownloadSuccess - successfully processed download completion.",
        job->guid);
    CTM(LOG_INFO, "CTM job %s entered phase CCM_DOWNLOADSTATUS_DOWNLOAD_SUCCESSFUL", job->guid);
    CAS(LOG_INFO, "Download completed for content %s under context System", job->name);
    CAS(LOG_INFO, "Hash verification succeeded for content %s downloaded under context System",
        job->name);
    CAS(LOG_INFO, "Saved Content ID Mapping %s, %s", job->name, path);
    CAS(LOG_INFO, "Download succeeded for download request %s", job->guid);
}

void trace_evicted(const struct job *job)
{
    struct cache_contents evicted;
    staging_take_evicted(job->staging, &evicted);
    for (size_t i = 0; i < evicted.count; i++)
        CAS(LOG_INFO, "Content %s.%lld was removed from the cache for %s, %lld bytes freed",
            evicted.list[i].content_id, (long long)evicted.list[i].version, job->name,
            (long long)evicted.list[i].freed);
    cache_contents_free(&evicted);
}

void trace_end(const struct job *job, const char *path)
{
    if (job->state == JOB_SUCCESS) {
        trace_success(job, path);
    } else if (job->state == JOB_FAILED) {
        CTM(LOG_ERROR, "CTM job %s failed: %s", job->guid, job->error.text);
        CAS(LOG_ERROR, "Download failed for content %s under context System: %s", job->name,
            job->error.text);
    } else {
        CTM(LOG_INFO, "CTM job %s was cancelled; its parts are kept", job->guid);
    }
}

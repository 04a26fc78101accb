/*
 * The URLs of a ContentLocationReply: whose they are and which content they name. What a URL may
 * hold in secret (query, fragment) is cut off here and kept nowhere. No system calls. For reply.c
 * only.
 */
#ifndef AGENT_LOCATION_REPLY_URL_H
#define AGENT_LOCATION_REPLY_URL_H

#include "agent/location/reply.h"

/* Fills `url` and `host` (in the arena). Returns NULL, or why the URL is refused. */
const char *reply_url_parse(struct location_reply_url *url, const char **host, struct arena *arena,
                            const char *text);

/* The same of \\server\share\folder. */
const char *reply_smb_parse(struct location_reply_url *url, const char **host, struct arena *arena,
                            const char *text);

/* Is it http or https? Others (rtsp) stand in no list. */
bool reply_url_is_web(const char *text);

bool reply_url_is_cloud(const struct location_reply_url *url); /* a cloud service's manifest */
bool reply_url_is_peer(const struct location_reply_url *url);

/* Does it name the content? */
bool reply_url_names(const struct location_reply_url *url, const char *content_id);

#endif

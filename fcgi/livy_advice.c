#include "config.h"

#include "livy_advice.h"

#include "defs.h"

/* The first row that matches counts: causes before what they lead to. */
static const struct {
	const char *words, *advice;
} rows[] = {
	{ "exceeded quota",
	    "the ResourceQuota of the namespace is used up: ask for less"
	    " memory or fewer cores, let something there end, or have the"
	    " quota raised" },
	{ "failed calling webhook",
	    "an admission webhook of the cluster did not answer: see whether"
	    " its pod runs and can be reached, then send the request again" },
	{ "is being terminated",
	    "the namespace is being deleted: nothing new can run in it" },
	{ "InvalidImageName",
	    "the image's name is not valid: correct it in the template" },
	{ "ErrImageNeverPull",
	    "the image is not on the node and may not be pulled: see the"
	    " template's imagePullPolicy" },
	{ "ErrImagePull",
	    "the image cannot be pulled: see that the template's image exists"
	    " and that the namespace has the secret to pull it" },
	{ "ImagePullBackOff",
	    "the image cannot be pulled: see that the template's image exists"
	    " and that the namespace has the secret to pull it" },
	{ "CreateContainerConfigError",
	    "a Secret or ConfigMap that the template names is not there, or"
	    " lacks a key that it names" },
	{ "FailedMount",
	    "a volume cannot be mounted: see that the ConfigMaps, Secrets and"
	    " claims that the template names are in the namespace" },
	{ "FailedAttachVolume",
	    "a volume cannot be attached to the node: see the claims that the"
	    " template names" },
	{ "Unschedulable",
	    "no node can take the driver: ask for less memory or fewer cores,"
	    " or see that nodes of the kind that the template asks for can be"
	    " added" },
	{ "OOMKilled",
	    "the driver used more memory than its limit: set driverMemory or"
	    " spark.driver.memoryOverhead higher" },
	{ "Evicted",
	    "the node ran short of memory or disk and evicted the driver" },
	{ "DeadlineExceeded",
	    "the pod ran longer than its activeDeadlineSeconds allows" },
	{ "ExitCode: 137",
	    "the driver was killed, most often for want of memory or because"
	    " its node went" },
	{ "ExitCode: 143",
	    "the driver was told to end: its pod was deleted, or its node was"
	    " drained" },
	{ "driver pod not found",
	    "the driver pod was deleted from outside, or its node was lost" },
	{ "error looking up service account",
	    "the service account that the template names is not in the"
	    " namespace" },
	{ "driver pod already exist",
	    "a pod of that name is still there: it goes in a moment" },
	{ "is forbidden",
	    "a right is missing in the namespace: see the roles of the"
	    " operator and of the service account that the template names" },
	{ "signal: killed",
	    "the Spark Operator's own pod is short of memory for its"
	    " spark-submit: have its limit raised" },
};

const char *
livy_advice(const char *text)
{
	for (size_t i = 0; text && i < ARRAY_LEN(rows); i++)
		if (strstr(text, rows[i].words))
			return rows[i].advice;
	return NULL;
}

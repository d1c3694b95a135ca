#include "config.h"

#include "localkube_ring.h"

void
kring_init(struct kring *r)
{
	memset(r, 0, sizeof *r);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
}

void
kring_release(struct kring *r)
{
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->moved);
}

size_t
kring_read(struct kring *r, char *to, size_t max)
{
	size_t n, part;

	pthread_mutex_lock(&r->lock);
	while (r->len == 0 && !r->closed && !r->broken)
		pthread_cond_wait(&r->moved, &r->lock);
	n = r->len < max ? r->len : max;
	part = n < KRING_SIZE - r->at ? n : KRING_SIZE - r->at;
	memcpy(to, r->data + r->at, part);
	memcpy(to + part, r->data, n - part);
	r->at = (r->at + n) % KRING_SIZE;
	r->len -= n;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	return n;
}

bool
kring_write(struct kring *r, const char *from, size_t len)
{
	bool ok;

	pthread_mutex_lock(&r->lock);
	while (len > 0 && !r->broken) {
		size_t end = (r->at + r->len) % KRING_SIZE;
		size_t n = KRING_SIZE - r->len;

		if (n > len)
			n = len;
		if (n > KRING_SIZE - end)
			n = KRING_SIZE - end;
		memcpy(r->data + end, from, n);
		r->len += n;
		from += n;
		len -= n;
		pthread_cond_broadcast(&r->moved);
		if (len > 0 && r->len == KRING_SIZE)
			pthread_cond_wait(&r->moved, &r->lock);
	}
	ok = !r->broken;
	pthread_mutex_unlock(&r->lock);
	return ok;
}

static void
mark(struct kring *r, bool *flag)
{
	pthread_mutex_lock(&r->lock);
	*flag = true;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
}

void
kring_close(struct kring *r)
{
	mark(r, &r->closed);
}

void
kring_break(struct kring *r)
{
	mark(r, &r->broken);
}

bool
kring_is_broken(struct kring *r)
{
	bool broken;

	pthread_mutex_lock(&r->lock);
	broken = r->broken;
	pthread_mutex_unlock(&r->lock);
	return broken;
}
